"""What the metrics that commands and pages show say, in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "micro_f1": "F1 of all decisions together",
        "macro_f1": "F1 of each label, averaged",
        "samples_f1": "F1 of each text, averaged",
        "micro_f1_at_0.5": "with every threshold at 0.5",
        "macro_f1_at_0.5": "with every threshold at 0.5",
        "macro_average_precision": "area under precision over recall, averaged",
        "macro_roc_auc": "area under the ROC curve, averaged",
        "lrap": "label ranking average precision",
        "subset_accuracy": "texts with every label right",
        "hamming_loss": "decisions that are wrong",
        "micro_calibration_error": "probability against share of true, averaged",
        "coverage_error": "rank by which all true labels are met",
        "ranking_loss": "pairs of labels in the wrong order",
        "micro_precision": "share of the given labels that are true",
        "micro_recall": "share of the true labels that are given",
        "macro_calibration_error": "the same of each label, averaged",
    }
)
"""Metric to what it says, shorter than the definitions of `METRICS`."""
