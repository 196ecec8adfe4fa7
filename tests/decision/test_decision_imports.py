"""What this part shows, and what it does not import."""

import subprocess
import sys

from multilabel_bert import decision


def test_public_names():
    assert decision.__all__ == [
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
    assert all(hasattr(decision, name) for name in decision.__all__)


def test_only_numpy_is_imported():
    program = (
        "import sys; from multilabel_bert.decision import DecisionRule, evaluate; "
        "evaluate([[1, 0]], [[0.9, 0.1]]); DecisionRule.fixed(2).predict([[0.9, 0.1]]); "
        "print(*{'sklearn', 'scipy', 'pandas', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == ""
