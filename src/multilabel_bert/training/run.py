"""What every training run does: run frozen layers, make the network, train it."""

# N = texts, D = size of the representation, X = labels

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.progress import Progress
from multilabel_bert.training.batches import TrainingInputs, WindowedInputs
from multilabel_bert.training.examples import Examples
from multilabel_bert.training.feature_cache import FeatureCache
from multilabel_bert.training.frozen_layers import FrozenLayers
from multilabel_bert.training.head_start import HeadStart, Standardizer, prior_bias
from multilabel_bert.training.history import History
from multilabel_bert.training.run_log import RunLog
from multilabel_bert.training.saved_state import SavedState
from multilabel_bert.training.settings import TrainingSettings

if TYPE_CHECKING:
    from multilabel_bert.training.network import ClassifierNetwork


@dataclass(frozen=True)
class TrainingRun:
    """A run and what it is told; see `pipeline.train_classifier`.

    Attributes:
        positive_weights: float32 [X] or None.
    """

    checkpoint: Checkpoint
    settings: TrainingSettings
    train: Examples
    dev: Examples | None
    positive_weights: np.ndarray | None
    callbacks: Sequence[Any]
    progress: Progress
    cache: FeatureCache | None
    state_directory: Path | None
    start: HeadStart | None
    log: RunLog | None

    def _rows_of(self, examples: Examples | None) -> np.ndarray | None:
        """Where each text's rows of `_parts` start; None where a row is a text."""
        if examples is None or self.settings.windows != "max":
            return None
        return examples.texts.window_offsets

    def _inputs(self, rows: TrainingInputs, examples: Examples) -> TrainingInputs:
        offsets = examples.texts.window_offsets
        return rows if offsets is None else WindowedInputs(rows, offsets)

    def _frozen(self, outputs: Sequence[str], last_layer: int | None = None) -> FrozenLayers:
        frozen = FrozenLayers(
            self.checkpoint,
            outputs,
            last_layer=last_layer,
            precision=self.settings.precision,
            cache=self.cache,
            progress=self.progress,
        )
        self.progress.say(f"Encoder: {frozen.engine_name}, {frozen.precision}")
        return frozen

    def _network(
        self,
        first_layer: int | None,
        pooling: str,
        dtype: str = "float32",
        standardizer: Standardizer | None = None,
    ) -> ClassifierNetwork:
        # Only now: the frozen layers need no Keras.
        from multilabel_bert.training.network import ClassifierNetwork

        network = ClassifierNetwork(
            self.checkpoint.config,
            first_layer=first_layer,
            pooling=pooling,
            labels=self.train.targets.shape[1],
            dropout=self.settings.dropout,
            pooler=self.checkpoint.has_pooler,
            seed=self.settings.seed,
            dtype=dtype,
            windows=self.settings.windows,
        )
        kernel, bias = network.head_tensors()
        if self.settings.prior_bias:
            bias = prior_bias(*self.train.targets.known_counts())
        if self.start is not None:
            kernel, bias = self.start.onto(kernel, bias, standardizer)
        network.set_head(kernel, bias)
        return network

    def _fit(
        self,
        network: ClassifierNetwork,
        train: TrainingInputs,
        dev: TrainingInputs | None,
        saved_state: SavedState | None = None,
    ) -> History:
        from multilabel_bert.training.trainer import LabelledInputs, train_network

        layers = network.first_layer != self.checkpoint.config.num_hidden_layers
        logging = [] if self.log is None else self.log.callbacks(updates=layers)
        return train_network(
            network,
            LabelledInputs(train, self.train.targets, self.train.weights),
            self.settings,
            dev=None if dev is None or self.dev is None else LabelledInputs(dev, self.dev.targets),
            positive_weights=self.positive_weights,
            callbacks=[*self.callbacks, *logging],
            progress=self.progress,
            saved_state=saved_state,
        )
