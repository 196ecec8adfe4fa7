"""Cross-validation for labels that scikit-learn's cannot take: unknown cells, rare labels."""

# N = texts, X = labels, K = folds

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from multilabel_bert.classifier import MultiLabelClassifier
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.splitting import fold_indices
from multilabel_bert.decision.evaluation import Evaluation, evaluate
from multilabel_bert.decision.metrics import check_metric
from multilabel_bert.progress import Progress


@dataclass(frozen=True, repr=False)
class CrossValidation:
    """What `cross_validate` found.

    Attributes:
        probabilities: float32 [N, X], each text's from the model that was not trained on it.
        predictions: int8 [N, X], by the decision rule of that model.
        folds: int [N], the fold in which each text was held out.
        evaluations: one a fold.
        overall: of all held-out predictions together.
    """

    probabilities: np.ndarray
    predictions: np.ndarray
    folds: np.ndarray
    evaluations: tuple[Evaluation, ...]
    overall: Evaluation

    def __repr__(self) -> str:
        """Say how much was judged, and how well: the arrays would fill the screen."""
        texts, labels = self.probabilities.shape
        mean, deviation = self.mean("macro_f1")
        return (
            f"<CrossValidation: {texts:,} texts, {labels} labels, {len(self.evaluations)} folds, "
            f"macro-F1 {mean:.3f} ± {deviation:.3f}>"
        )

    def mean(self, metric: str) -> tuple[float, float]:
        """Mean and standard deviation of a metric over the folds.

        Raises:
            SettingsError: if there is no metric of that name.
        """
        check_metric(metric)
        values = [evaluation.metrics[metric] for evaluation in self.evaluations]
        return float(np.nanmean(values)), float(np.nanstd(values))


def cross_validate(
    classifier: MultiLabelClassifier,
    texts: Any,
    labels: Any = None,
    *,
    folds: int = 5,
    label_names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> CrossValidation:
    """Train K times and predict each text by the model that has not seen it.

    scikit-learn's tools work with `MultiLabelClassifier` too, but not with unknown cells: NaN is
    refused, and for probabilities each label column is recoded, so that -1 becomes a 0 and a
    column with one value only becomes 0 without a word. Their folds may also leave a rare label
    without a positive. Here unknown cells are left
    out of training and metrics, folds are stratified by all labels, and identical texts stay in
    one fold.

    Args:
        classifier: not changed; each fold trains a copy with its parameters.
        texts: N texts, or a `Dataset`.
        labels: as in `MultiLabelClassifier.fit`.
        folds: K, at least 2.
        label_names: X names.
        progress: where progress is shown.

    Raises:
        SettingsError: if there are fewer different texts than folds.
    """
    dataset = (
        texts
        if isinstance(texts, Dataset)
        else Dataset.from_arrays(texts, labels, label_names=label_names)
    )
    targets = dataset.require_labels()
    probabilities = np.zeros(targets.shape, np.float32)
    predictions = np.zeros(targets.shape, np.int8)
    fold_of = np.zeros(len(dataset), np.int64)
    evaluations = []
    for fold, (train, test) in enumerate(fold_indices(dataset, folds, seed=classifier.seed)):
        if progress is not None:
            progress.say(f"Fold {fold + 1} of {folds}")
        model = clone(classifier).fit(dataset.subset(train), progress=progress)
        outcome = model.outcome(dataset.subset(test))
        probabilities[test], predictions[test] = outcome.probabilities, outcome.decisions
        fold_of[test] = fold
        evaluations.append(outcome.evaluation)
    overall = evaluate(targets, probabilities, predictions, label_names=dataset.label_names)
    return CrossValidation(probabilities, predictions, fold_of, tuple(evaluations), overall)
