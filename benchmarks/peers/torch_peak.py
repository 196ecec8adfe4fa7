"""The matrix-multiply peak of torch: GFLOP/s of 2048 x 2048 x 2048."""

from __future__ import annotations

import time

import torch
from answering import answer

# A second of multiplies, since the engine is timed over seconds too: no burst of the clock.
SIZE, SECONDS = 2048, 1.0


def peak(precision: str) -> float:
    """GFLOP/s over a second of multiplies."""
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    left, right = (torch.randn(SIZE, SIZE).to(dtype) for _ in range(2))
    out = torch.empty(SIZE, SIZE, dtype=dtype)
    torch.mm(left, right, out=out)
    done, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < SECONDS:
        torch.mm(left, right, out=out)
        done += 1
    return done * 2 * SIZE**3 / seconds / 1e9


if __name__ == "__main__":
    answer({"peak": peak})
