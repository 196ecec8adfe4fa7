"""The boundary between the layers that are frozen and those that are trained."""

# L = layers

from __future__ import annotations

import numpy as np

from multilabel_bert.encoder.pooling import lowest_layer
from multilabel_bert.errors import SettingsError


def checked_train_layers(train_layers: int | str, layers: int) -> int:
    """The number of transformer layers that are trained.

    Args:
        train_layers: 0 ... L, or ``"all"``.
        layers: L.

    Raises:
        SettingsError: for anything else.
    """
    if train_layers == "all":
        return layers
    if isinstance(train_layers, bool) or not isinstance(train_layers, int | np.integer):
        raise SettingsError(
            f"train_layers={train_layers!r} is not understood. Use 0 for the head alone, a number "
            "for that many top layers, or 'all'."
        )
    if not 0 <= train_layers <= layers:
        raise SettingsError(
            f"train_layers={train_layers}, but this encoder has {layers} layers. Use 0 to "
            f"{layers}, or 'all'."
        )
    return int(train_layers)


def boundary_of(first_layer: int, pooling: str, layers: int) -> int:
    """The layer whose input crosses from what runs once to what runs in every epoch.

    It is the lowest trained layer, or lower where the representation takes what lower layers give.

    >>> boundary_of(10, "mean", 12), boundary_of(10, "mean_last4", 12)
    (10, 9)
    """
    return min(first_layer, layers - lowest_layer([pooling]))
