"""One update of the weights from one or more batches, on TensorFlow or any Keras backend."""

# B = texts of a batch, T = tokens, H = hidden size, U = different words of a batch, X = labels

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import keras
import numpy as np

from multilabel_bert.training.network import ClassifierNetwork

Batch = (
    tuple[Mapping[str, np.ndarray], np.ndarray]
    | tuple[Mapping[str, np.ndarray], np.ndarray, np.ndarray | None]
)
"""Inputs of the network, targets float32 [B, X] and, where texts have weights, those: [B]."""


class Step(Protocol):
    """Makes updates."""

    def __call__(self, batches: Sequence[Batch]) -> float:
        """Make one update as if the batches were one; their loss."""

    def finish(self) -> None:
        """Make the network's weights complete, to be read or to predict with."""

    def state(self) -> dict[str, Any]:
        """Every variable that an update reads or changes, by a name that stays the same."""


@runtime_checkable
class SteppingInOneCall(Protocol):
    """A step that can make many updates in one call."""

    def many(
        self,
        features: np.ndarray,
        rows: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None = None,
    ) -> np.ndarray:
        """One update for each of S batches.

        Args:
            features: float32 [N, D], of all texts, the same array in every call.
            rows: int [S, B], the texts of each batch.
            targets: float32 [S, B, X].
            weights: of the texts, float32 [S, B], or None for 1.

        Returns:
            The loss of each, float32 [S].
        """


def make_step(network: ClassifierNetwork, updates: int, *, lazy_embeddings: bool = False) -> Step:
    """The step for the backend that Keras runs on.

    Args:
        network: compiled with an optimizer `AdamWeightDecay` and a loss.
        updates: how many will be made.
        lazy_embeddings: whether rows of the word embeddings wait until they are used; on
            TensorFlow.
    """
    if keras.config.backend() != "tensorflow":
        return KerasStep(network)
    from multilabel_bert.training.tensorflow_step import TensorFlowStep

    return TensorFlowStep(network, updates, lazy_embeddings)


class KerasStep:
    """Updates by Keras' own ``train_on_batch``.

    Args:
        network: compiled.
    """

    def __init__(self, network: ClassifierNetwork) -> None:
        self.network = network
        network.optimizer.build(network.trainable_variables)

    def __call__(self, batches: Sequence[Batch]) -> float:
        """See `Step`."""
        (batch,) = batches
        self.network.reset_metrics()
        return float(self.network.train_on_batch(*batch))

    def finish(self) -> None:
        """See `Step`; nothing is left to do."""

    def state(self) -> dict[str, Any]:
        """See `Step`."""
        return named_variables(self.network)


def named_variables(network: ClassifierNetwork) -> dict[str, Any]:
    """The variables of a network and its optimizer, by names that stay the same."""
    parts = {"network": network.variables, "optimizer": network.optimizer.variables}
    return {
        f"{part}/{index}": variable
        for part, variables in parts.items()
        for index, variable in enumerate(variables)
    }
