"""Texts as the frozen layers left them: representations, targets, and which texts are the same."""

# N = texts, H = hidden size, X = labels

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from multilabel_bert.data.splitting import stratified_folds
from multilabel_bert.training.targets import Targets


@dataclass(frozen=True)
class FrozenTexts:
    """N texts as the frozen layers left them.

    Attributes:
        parts: of representations, float32 [N, H] each.
        targets: [N, X].
        groups: int64 [N], equal for identical texts.
    """

    parts: Mapping[str, np.ndarray]
    targets: Targets
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    def subset(self, rows: np.ndarray) -> FrozenTexts:
        """Those at `rows`."""
        parts = {name: values[rows] for name, values in self.parts.items()}
        return FrozenTexts(parts, self.targets.subset(rows), self.groups[rows])

    def folds(self, count: int, seed: int) -> np.ndarray:
        """The fold of each text, int64 [N]: stratified, identical texts in the same.

        Raises:
            SettingsError: if there are fewer different texts than folds.
        """
        fold_of = np.empty(len(self), np.int64)
        folds = stratified_folds(self.targets.sparse(), count, seed, self.groups)
        for fold, (_, inside) in enumerate(folds):
            fold_of[inside] = fold
        return fold_of
