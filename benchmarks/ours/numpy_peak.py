"""The matrix-multiply peak of NumPy: GFLOP/s of 2048 x 2048 x 2048 in float32."""

from __future__ import annotations

import time

import numpy as np
from answering import answer

SIZE, SECONDS = 2048, 1.0


def peak() -> float:
    """GFLOP/s over a second of multiplies."""
    left, right = np.random.default_rng(0).standard_normal((2, SIZE, SIZE), np.float32)
    out = np.empty_like(left)
    np.matmul(left, right, out=out)
    done, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < SECONDS:
        np.matmul(left, right, out=out)
        done += 1
    return done * 2 * SIZE**3 / seconds / 1e9


if __name__ == "__main__":
    answer({"peak": peak})
