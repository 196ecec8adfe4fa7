"""What this part shows, and what it does not import."""

import subprocess
import sys

from multilabel_bert import decision


def test_public_names():
    assert decision.__all__ == [
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
