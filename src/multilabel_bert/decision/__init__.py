"""From probabilities to labels, and how good they are: metrics, thresholds, the decision rule."""

from multilabel_bert.decision.bootstrap import BootstrapInterval, bootstrap_interval
from multilabel_bert.decision.evaluation import Evaluation, LabelScores, evaluate
from multilabel_bert.decision.metrics import METRICS, Metric, check_metric, score
from multilabel_bert.decision.objectives import TUNABLE_METRICS
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.decision.thresholds import STRATEGIES, tune_thresholds

__all__ = [
    "METRICS",
    "STRATEGIES",
    "TUNABLE_METRICS",
    "BootstrapInterval",
    "DecisionRule",
    "Evaluation",
    "LabelScores",
    "Metric",
    "bootstrap_interval",
    "check_metric",
    "evaluate",
    "score",
    "tune_thresholds",
]
