"""A head for few examples: logistic regression whose penalty cross-validation chooses."""

# N = texts, D = size of a representation, X = labels

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.decision.metrics import score
from multilabel_bert.encoder.pooling import combine
from multilabel_bert.progress import Progress, Task
from multilabel_bert.training.frozen_texts import FrozenTexts
from multilabel_bert.training.head_start import Standardizer
from multilabel_bert.training.logistic_head import TOLERANCE, Head, l2_path

# From the strongest to the weakest, so that each starts from the one before.
STRENGTHS = tuple(float(f"{value:.3g}") for value in np.logspace(1, -3, 9))
FOLDS = 5
# Of fits that only choose: a tighter one chose the same, in three times the time.
_TOLERANCE_OF_CHOICE = 1e-3
# Of a single text there is nothing to choose by.
_STRENGTH_UNTRIED = 1.0


@dataclass(frozen=True)
class FewExamplesHead:
    """A head, and how it was chosen.

    Attributes:
        kernel: float32 [D, X], for features as the encoder gives them.
        bias: float32 [X].
        pooling: what represents a text.
        l2: the strength of the penalty; see `fit_logistic_head`.
        loss: mean cross-entropy of the texts that were left out, by pooling and strength.
        training_loss: the same of the texts that it was fitted to.
        out_of_fold_logits: float32 [N, X], each text's from the head that was not fitted to it;
            None where there are too few different texts for folds.
    """

    kernel: np.ndarray
    bias: np.ndarray
    pooling: str
    l2: float
    loss: dict[tuple[str, float], float]
    training_loss: float
    out_of_fold_logits: np.ndarray | None

    def scores(self) -> dict[str, float]:
        """Minus the lowest loss of each representation."""
        names = dict.fromkeys(pooling for pooling, _ in self.loss)
        return {
            name: -min(value for (pooling, _), value in self.loss.items() if pooling == name)
            for name in names
        }

    def summary(self, tried: int) -> str:
        """What was chosen, in a line."""
        if not self.loss:
            return f"Few examples: too few for cross-validation, an L2 penalty of {self.l2:g}"
        chosen = f"{self.pooling}, " * (tried > 1) + f"an L2 penalty of {self.l2:g}"
        return (
            f"Few examples: {chosen}, chosen by cross-validation (loss "
            f"{self.loss[self.pooling, self.l2]:.4f} on texts left out)"
        )


def train_few_examples_head(
    texts: FrozenTexts,
    poolings: Sequence[str],
    *,
    standardize: bool = True,
    positive_weights: np.ndarray | None = None,
    text_weights: np.ndarray | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> FewExamplesHead:
    """Choose representation and penalty by cross-validation, then fit all texts.

    The measure is the cross-entropy of the texts left out: with few positives it is steadier
    than any measure of decisions. The fit is to convergence, so nothing depends on epochs,
    rates or batches; the seed only deals the folds.

    Args:
        texts: N texts.
        poolings: representations to choose from.
        standardize: whether features are standardised.
        positive_weights: float32 [X] or None.
        text_weights: float32 [N], of each text in the fit, or None.
        seed: of the folds.
        progress: where progress is shown.
    """
    progress = progress or Progress("silent")
    folds = min(FOLDS, len(np.unique(texts.groups)))
    fitting = _Fitting(texts, standardize, positive_weights, text_weights)
    if folds < 2:
        pooling, strength = poolings[0], _STRENGTH_UNTRIED
        kernel, bias = fitting.heads(pooling, (strength,))[0]
        fitted = fitting.loss(combine(dict(texts.parts), pooling) @ kernel + bias)
        return FewExamplesHead(kernel, bias, pooling, strength, {}, fitted, None)
    fold_of = texts.folds(folds, seed)
    loss, best_loss = {}, np.inf
    with progress.task("Cross-validation", len(poolings) * (folds + 1), "fits") as task:
        for pooling in poolings:
            logits = fitting.out_of_fold(pooling, fold_of, task)  # [S, N, X]
            for strength, values in zip(STRENGTHS, logits, strict=True):
                value = fitting.loss(values)
                loss[pooling, strength] = value
                if value < best_loss:
                    best_loss, out_of_fold = value, values
                    best = pooling, strength
            task.advance(1)
    pooling, strength = best
    # From strong to weak again: each fit starts near where it ends.
    path = tuple(value for value in STRENGTHS if value >= strength)
    kernel, bias = fitting.heads(pooling, path)[-1]
    fitted = fitting.loss(combine(dict(texts.parts), pooling) @ kernel + bias)
    return FewExamplesHead(kernel, bias, pooling, strength, loss, fitted, out_of_fold)


@dataclass(frozen=True)
class _Fitting:
    texts: FrozenTexts
    standardize: bool
    positive_weights: np.ndarray | None
    text_weights: np.ndarray | None

    def loss(self, logits: np.ndarray) -> float:
        """The mean cross-entropy of all texts."""
        truth = self.texts.targets.dense()
        if truth.dtype.kind == "f":  # soft labels: whether they are at least a half
            truth = np.where(truth >= 0, truth >= 0.5, -1).astype(np.int8)
        return float(score("loss", truth, sigmoid(logits), logits=logits))

    def heads(
        self,
        pooling: str,
        strengths: Sequence[float],
        rows: np.ndarray | None = None,
        tolerance: float = TOLERANCE,
    ) -> list[Head]:
        """A head for each strength, float32, for features as they are, from some texts or all."""
        rows = np.arange(len(self.texts)) if rows is None else rows
        features = combine(dict(self.texts.parts), pooling)[rows]
        standardizer = Standardizer.of(features) if self.standardize else None
        found = l2_path(
            standardizer.apply(features) if standardizer else features,
            self.texts.targets.subset(rows).dense(),
            strengths,
            positive_weights=self.positive_weights,
            text_weights=None if self.text_weights is None else self.text_weights[rows],
            tolerance=tolerance,
        )
        if standardizer:
            return [standardizer.fold(kernel, bias) for kernel, bias in found]
        return [(kernel.astype(np.float32), bias.astype(np.float32)) for kernel, bias in found]

    def out_of_fold(self, pooling: str, fold_of: np.ndarray, task: Task) -> np.ndarray:
        """The logits of each strength for the texts left out, float32 [S, N, X]."""
        features = combine(dict(self.texts.parts), pooling)
        logits = np.empty((len(STRENGTHS), *self.texts.targets.shape), np.float32)
        for fold in np.unique(fold_of):
            inside = fold_of == fold
            heads = self.heads(pooling, STRENGTHS, np.flatnonzero(~inside), _TOLERANCE_OF_CHOICE)
            for row, (kernel, bias) in zip(logits, heads, strict=True):
                row[inside] = features[inside] @ kernel + bias
            task.advance(1)
        return logits
