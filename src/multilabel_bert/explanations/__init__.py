"""Which words moved a label, how that is shown, and whether it is true."""

from multilabel_bert.explanations.explaining import METHODS, UNITS, explain_text
from multilabel_bert.explanations.explanation import Explanation, Span
from multilabel_bert.explanations.faithfulness import Faithfulness, measure_faithfulness

__all__ = [
    "METHODS",
    "UNITS",
    "Explanation",
    "Faithfulness",
    "Span",
    "explain_text",
    "measure_faithfulness",
]
