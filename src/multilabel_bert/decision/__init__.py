"""From logits to labels, and how good they are: calibration, thresholds, rule, metrics."""

from multilabel_bert.decision.bootstrap import BootstrapInterval, bootstrap_interval
from multilabel_bert.decision.calibration import CALIBRATIONS, Calibration, fit_calibration
from multilabel_bert.decision.evaluation import Evaluation, LabelScores, evaluate
from multilabel_bert.decision.metrics import METRICS, Metric, check_metric, score
from multilabel_bert.decision.objectives import TUNABLE_METRICS
from multilabel_bert.decision.reliability import ReliabilityCurve, reliability_curve
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.decision.thresholds import STRATEGIES, tune_thresholds

__all__ = [
    "CALIBRATIONS",
    "METRICS",
    "STRATEGIES",
    "TUNABLE_METRICS",
    "BootstrapInterval",
    "Calibration",
    "DecisionRule",
    "Evaluation",
    "LabelScores",
    "Metric",
    "ReliabilityCurve",
    "bootstrap_interval",
    "check_metric",
    "evaluate",
    "fit_calibration",
    "reliability_curve",
    "score",
    "tune_thresholds",
]
