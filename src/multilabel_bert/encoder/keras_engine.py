"""The forward-only encoder on Keras, where OpenVINO is not to be had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.keras_encoder import BertEncoder
from multilabel_bert.encoder.pooling import pool_in_keras
from multilabel_bert.encoder.tensors import POOLER_KERNEL


class KerasEngine:
    """Runs the encoder by Keras; see `encoder.encoding.Engine`.

    Args:
        config: of the encoder.
        tensors: all weights, by canonical tensor name.
        outputs: some of `pooling.PARTS`, or ``"sequence_output"`` alone.
        last_layer: how many layers run for ``"sequence_output"``; L unless given.
    """

    name = "keras"
    precision = "float32"
    jobs = 1
    packs = False

    def __init__(
        self,
        config: BertConfig,
        tensors: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        *,
        last_layer: int | None = None,
    ) -> None:
        self.outputs = tuple(outputs)
        self.last_layer = config.num_hidden_layers if last_layer is None else last_layer
        self.encoder = BertEncoder(
            config,
            pooler=POOLER_KERNEL in tensors,
            output_hidden_states=True,
            # Given, or a global policy of the user's would be taken.
            dtype=self.precision,
        )
        self.encoder.set_tensors(tensors)

    def run(self, batches: Iterable[dict[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        """Run the batches one after the other."""
        for batch in batches:
            encoded = self.encoder.predict_on_batch(batch)
            if "sequence_output" in self.outputs:
                states = encoded["hidden_states"]
                yield {"sequence_output": np.asarray(states[self.last_layer])}
            else:
                mask = batch["attention_mask"]
                yield {
                    name: np.asarray(pool_in_keras(encoded, mask, name)) for name in self.outputs
                }
