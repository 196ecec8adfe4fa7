"""A model beside its baseline, on the same texts."""

# N = texts, X = labels

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from multilabel_bert.baseline.tfidf_baseline import TfidfBaseline
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.bootstrap import PairedDifference, paired_differences
from multilabel_bert.decision.evaluation import Evaluation
from multilabel_bert.decision.judgement import judge
from multilabel_bert.model.outcome import Outcome, outcome_of
from multilabel_bert.notebook import note, table, view


@dataclass(frozen=True)
class Comparison:
    """What the baseline scores, and how much better the model is.

    Attributes:
        baseline: its metrics.
        differences: model minus baseline, in macro-F1 and micro-F1.
        description: what the baseline is.
    """

    baseline: Evaluation
    differences: tuple[PairedDifference, ...]
    description: str

    def _repr_html_(self) -> str:
        rows = [
            (d.metric, d.first, d.second, d.value, f"{d.low:+.3f} to {d.high:+.3f}")
            for d in self.differences
        ]
        interval = f"{self.differences[0].level:.0%} interval" if self.differences else "interval"
        columns = ("metric", "model", "baseline", "difference", interval)
        return view(note(f"Baseline: {self.description}"), table(columns, rows))

    def to_dict(self) -> dict[str, Any]:
        """Flat: ``baseline_macro_f1`` and so on, ``macro_f1_over_baseline`` and its ends."""
        metrics = self.baseline.to_dict()
        del metrics["per_label"]
        flat: dict[str, Any] = {"baseline": self.description}
        flat |= {f"baseline_{name}": value for name, value in metrics.items()}
        for difference in self.differences:
            flat |= difference.to_dict()
        return flat


def compare_with_baseline(
    baseline: TfidfBaseline, label_names: tuple[str, ...], dataset: Dataset, outcome: Outcome
) -> Comparison:
    """Let the baseline answer the same texts, with its own thresholds.

    Args:
        baseline: of the model.
        label_names: X names.
        dataset: N texts, with labels in that order.
        outcome: of the model on them.
    """
    targets = dataset.dense_labels()
    logits = baseline.predict_logits(dataset.texts, dataset.text_pairs)
    other = outcome_of(baseline.rule, label_names, targets, logits)
    differences = paired_differences(
        judge(targets, outcome.probabilities, outcome.decisions),
        judge(targets, other.probabilities, other.decisions),
    )
    return Comparison(other.evaluation, differences, baseline.how.describe())
