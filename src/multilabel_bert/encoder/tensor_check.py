"""The check that a checkpoint holds exactly the tensors that its configuration asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from multilabel_bert.errors import CheckpointError


@dataclass(frozen=True)
class FoundTensor:
    """A tensor in a file.

    Attributes:
        name: as the file spells it.
        shape: as the file has it.
        file: how messages name the file.
    """

    name: str
    shape: tuple[int, ...]
    file: str


def check_tensors(
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, FoundTensor],
    *,
    checkpoint: str,
    config: str,
    spell: Callable[[str], str],
) -> None:
    """Compare what is needed with what is there, and report every difference at once.

    Args:
        expected: short name to shape.
        found: short name to tensor, what is known and ignored left out.
        checkpoint: how messages name the checkpoint.
        config: how messages name the configuration.
        spell: gives the name in the file for a short one.

    Raises:
        CheckpointError: if a tensor is missing, unexpected, or has another shape.
    """
    missing = [
        f"missing: {spell(name)}, expected shape {list(shape)}"
        for name, shape in expected.items()
        if name not in found
    ]
    misshapen = [
        f"wrong shape: {found[name].name} has {list(found[name].shape)}, expected {list(shape)}, "
        f"in {found[name].file}"
        for name, shape in expected.items()
        if name in found and found[name].shape != shape
    ]
    unexpected = [
        f"unexpected: {tensor.name} with shape {list(tensor.shape)}, in {tensor.file}"
        for name, tensor in found.items()
        if name not in expected
    ]
    problems = missing + misshapen + unexpected
    if problems:
        raise CheckpointError(
            f"{checkpoint} does not fit {config} ({len(missing)} tensors missing, "
            f"{len(misshapen)} of another shape, {len(unexpected)} unexpected):\n  "
            + "\n  ".join(problems)
            + "\nUse the configuration that was published with this checkpoint; if it is that "
            "one, download the checkpoint again."
        )
