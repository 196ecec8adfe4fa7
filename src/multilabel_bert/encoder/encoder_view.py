"""Some outputs of a shared encoder, by other names, as an engine of their own."""

# B = texts, T = tokens

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from multilabel_bert.encoder.encoding import Engine


class EncoderView:
    """Runs what some outputs of an engine need; see `encoder.encoding.Engine`.

    Args:
        engine: computes them.
        outputs: the names that they have here, and those that they have there.
        rows: for each input of rows of a shared graph, whether its way is wanted.
    """

    def __init__(
        self, engine: Engine, outputs: Mapping[str, str], rows: Mapping[str, bool]
    ) -> None:
        self.name, self.precision, self.packs = engine.name, engine.precision, engine.packs
        self._engine, self._outputs, self._rows = engine, dict(outputs), dict(rows)

    @property
    def jobs(self) -> int:
        """Batches that are computed at the same time."""
        return self._engine.jobs

    def run(self, batches: Iterable[dict[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        """Run batches of ``input_ids``, ``attention_mask`` and ``token_type_ids`` [B, T]."""
        for outputs in self._engine.run(map(self._with_rows, batches)):
            yield {name: outputs[there] for name, there in self._outputs.items()}

    def _with_rows(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        every = np.arange(len(batch["input_ids"]), dtype=np.int32)
        none = every[:0]
        return batch | {name: every if wanted else none for name, wanted in self._rows.items()}
