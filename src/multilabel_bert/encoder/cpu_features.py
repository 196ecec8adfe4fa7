"""What the CPU can do: whether it computes with bfloat16, and so which precision is taken."""

from __future__ import annotations

from pathlib import Path

from multilabel_bert.errors import SettingsError

PRECISIONS = ("auto", "float32", "bfloat16")

# x86 names them avx512_bf16 and amx_bf16, Arm bf16.
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_CPU_INFO = Path("/proc/cpuinfo")


def cpu_flags() -> frozenset[str]:
    """Names of the instruction sets, as Linux lists them; empty on other systems."""
    try:
        text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):  # x86, Arm
            return frozenset(value.split())
    return frozenset()


def has_bfloat16(flags: frozenset[str] | None = None) -> bool:
    """Whether the CPU has instructions for bfloat16.

    Where it has none, a bfloat16 matrix multiply is emulated, up to 150 times slower than
    float32. Systems other than Linux count as having none.

    >>> has_bfloat16(frozenset({"avx2"})), has_bfloat16(frozenset({"avx2", "amx_bf16"}))
    (False, True)
    """
    return bool(_BFLOAT16_FLAGS & (cpu_flags() if flags is None else flags))


def choose_precision(precision: str = "auto") -> str:
    """Decide the precision of a computation on this CPU.

    Args:
        precision: ``"auto"``, ``"float32"`` or ``"bfloat16"``.

    Returns:
        ``"float32"`` or ``"bfloat16"``; for ``"auto"`` bfloat16 where the CPU has instructions
        for it.

    Raises:
        SettingsError: if it is none of the three, or bfloat16 on a CPU without it.
    """
    if precision not in PRECISIONS:
        raise SettingsError(
            f"precision={precision!r} is unknown. Use one of {', '.join(PRECISIONS)}."
        )
    if precision == "auto":
        return "bfloat16" if has_bfloat16() else "float32"
    if precision == "bfloat16" and not has_bfloat16():
        raise SettingsError(
            "precision='bfloat16' needs a CPU with instructions for it (AVX512_BF16, AMX or Arm "
            "BF16), and none was found on this one; emulated, it is far slower than float32. Use "
            "precision='auto' or 'float32'."
        )
    return precision
