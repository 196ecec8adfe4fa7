"""Which layer a trained variable is of: for rates by layer, and for gradual unfreezing."""

from __future__ import annotations

import re
from collections.abc import Sequence


def depths_of(paths: Sequence[str]) -> list[int]:
    """How far below the representation each variable is.

    0 for the head and the pooler, 1 for the top transformer layer, 2 for the one below it, and so
    on; the embeddings are below the lowest layer.

    Args:
        paths: of the trained variables of one network.

    >>> depths_of(["head/kernel", "encoder/layer_5/output_dense/kernel",
    ...            "encoder/layer_4/self/query/bias", "encoder/embeddings/LayerNorm/beta"])
    [0, 1, 2, 3]
    """
    layers = [_layer_of(path) for path in paths]
    numbers = [layer for layer in layers if layer is not None]
    top, lowest = (max(numbers), min(numbers)) if numbers else (0, 1)
    return [
        1 + top - layer
        if layer is not None
        else (2 + top - lowest if "embeddings" in path.split("/") else 0)
        for path, layer in zip(paths, layers, strict=True)
    ]


def unfreezing_updates(depths: Sequence[int], last: int) -> list[int]:
    """The update from which a variable of each depth is trained.

    The head from the first on; then one layer after the other, the top first, at equal distances;
    the lowest from update `last` on.

    Args:
        depths: as `depths_of` gives them.
        last: updates until everything is trained; 0: everything is from the first.

    >>> unfreezing_updates([0, 1, 2, 3], 30)
    [0, 10, 20, 30]
    """
    deepest = max(depths, default=0)
    return [last * depth // deepest if deepest else 0 for depth in depths]


def rate_factors(depths: Sequence[int], layer_decay: float) -> list[float]:
    """The factor on the learning rate at each depth: 1 down to the top layer, then `layer_decay`.

    >>> rate_factors([0, 1, 2, 3], 0.5)
    [1.0, 1.0, 0.5, 0.25]
    """
    return [float(layer_decay) ** max(0, depth - 1) for depth in depths]


def _layer_of(path: str) -> int | None:
    found = re.search(r"(?:^|/)layer_(\d+)/", path)
    return int(found[1]) if found else None
