"""Training of the top layers, or of all, with the head."""

# N = texts, H = hidden size, X = labels, L = layers

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from multilabel_bert.encoder.boundary import boundary_of
from multilabel_bert.encoder.cpu_features import choose_precision
from multilabel_bert.encoder.engines import choose_engine
from multilabel_bert.training.batches import TokenInputs, TrainingInputs
from multilabel_bert.training.examples import TrainedWeights
from multilabel_bert.training.run import TrainingRun
from multilabel_bert.training.saved_state import SavedState, digest_of


@dataclass(frozen=True)
class LayerRun(TrainingRun):
    """A run that trains layers of the encoder, and the head."""

    def top_layers(self, first_layer: int) -> TrainedWeights:
        """Train the layers from `first_layer` on; those below run once a text."""
        layers = self.checkpoint.config.num_hidden_layers
        boundary = boundary_of(first_layer, self.settings.pooling, layers)
        frozen = self._frozen(("sequence_output",), boundary)
        title = f"Encoding {boundary} frozen layers"
        train = self._inputs(frozen.hidden_inputs(self.train.texts, title), self.train)
        dev = None
        if self.dev is not None:
            hidden = frozen.hidden_inputs(self.dev.texts, f"{title}, development split")
            dev = self._inputs(hidden, self.dev)
        return self._fit_layers(first_layer, train, dev, frozen.precision)

    def everything(self) -> TrainedWeights:
        """Train all layers and the embeddings."""
        train = self._inputs(TokenInputs(self.train.texts), self.train)
        dev = None
        if self.dev is not None:
            dev = self._inputs(TokenInputs(self.dev.texts), self.dev)
        # Prediction needs an engine of this precision: better to know it now than at the end.
        _, precision = choose_engine("auto", self.settings.precision)
        return self._fit_layers(None, train, dev, precision)

    def _fit_layers(
        self,
        first_layer: int | None,
        train: TrainingInputs,
        dev: TrainingInputs | None,
        precision: str,
    ) -> TrainedWeights:
        trained_in = _training_precision(self.settings.precision)
        self.progress.say(f"Training: {trained_in}, weights in float32")
        network = self._network(
            first_layer,
            self.settings.pooling,
            "mixed_bfloat16" if trained_in == "bfloat16" else "float32",
        )
        network.set_body_tensors(self.checkpoint.tensors)
        saved_state = self._saved_state()
        history = self._fit(network, train, dev, saved_state)
        kernel, bias = network.head_tensors()
        return TrainedWeights(
            self.checkpoint.tensors | network.body_tensors(),
            kernel,
            bias,
            self.settings.pooling,
            self.settings,
            history,
            precision=precision,
        )

    def _saved_state(self) -> SavedState | None:
        if self.state_directory is None:
            return None
        import keras

        from multilabel_bert import __version__

        engine, precision = choose_engine("auto", self.settings.precision)
        identity: dict[str, Any] = {
            "version of multilabel-bert": __version__,
            "Keras' backend": keras.config.backend(),
            "engine of the frozen layers": engine,
            "processor's precision": precision,
            "labels": self.train.targets.shape[1],
            "encoder weights": digest_of(*self.checkpoint.tensors.values()),
        }
        if self.start is not None:
            identity["starting head"] = self.start.digest()
        if self.train.weights is not None:
            identity["weights of the texts"] = digest_of(self.train.weights)
        for name, examples in (("training texts", self.train), ("development texts", self.dev)):
            if examples is not None:
                rows = np.arange(len(examples.targets))
                identity[name] = digest_of(
                    examples.texts.ids,
                    examples.texts.offsets,
                    *(
                        examples.targets[part]
                        for part in np.array_split(rows, len(rows) // 4096 + 1)
                    ),
                )
        return SavedState(self.state_directory, identity | self.settings.to_dict())


def _training_precision(wanted: str) -> str:
    """What trained layers compute in: as `choose_precision`, and bfloat16 on any GPU."""
    import keras

    if wanted == "auto" and keras.distribution.list_devices("gpu"):
        return "bfloat16"
    return choose_precision(wanted)
