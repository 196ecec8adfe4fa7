"""Multi-label text classification with BERT.

The names are loaded when first used: `Predictor` never loads TensorFlow, nor what trains.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multilabel_bert.classifier import MultiLabelClassifier as MultiLabelClassifier
    from multilabel_bert.cross_validation import cross_validate as cross_validate
    from multilabel_bert.data.dataset import Dataset as Dataset
    from multilabel_bert.data.dataset import Example as Example
    from multilabel_bert.data.reading import read_dataset as read_dataset
    from multilabel_bert.data.splits import read_splits as read_splits
    from multilabel_bert.data.splitting import split_dataset as split_dataset
    from multilabel_bert.decision.evaluation import Evaluation as Evaluation
    from multilabel_bert.decision.evaluation import evaluate as evaluate
    from multilabel_bert.decision.label_errors import find_label_errors as find_label_errors
    from multilabel_bert.decision.rule import DecisionRule as DecisionRule
    from multilabel_bert.decision.thresholds import tune_thresholds as tune_thresholds
    from multilabel_bert.encoder.checkpoint import load_tokenizer as load_tokenizer
    from multilabel_bert.encoder.keras_encoder import BertEncoder as BertEncoder
    from multilabel_bert.errors import MultilabelError as MultilabelError
    from multilabel_bert.model.predictor import Predictor as Predictor
    from multilabel_bert.model.shared_predictor import SharedPredictor as SharedPredictor
    from multilabel_bert.reports.dataset_report import describe as describe
    from multilabel_bert.reports.evaluation_report import report as report
    from multilabel_bert.suspects import find_suspects as find_suspects
    from multilabel_bert.text.tokenizer import BertTokenizer as BertTokenizer
    from multilabel_bert.training.search_space import Search as Search

__version__ = "0.1.0"

_WHERE = {
    "BertEncoder": "encoder.keras_encoder",
    "BertTokenizer": "text.tokenizer",
    "Dataset": "data.dataset",
    "DecisionRule": "decision.rule",
    "Evaluation": "decision.evaluation",
    "Example": "data.dataset",
    "MultiLabelClassifier": "classifier",
    "MultilabelError": "errors",
    "Predictor": "model.predictor",
    "Search": "training.search_space",
    "SharedPredictor": "model.shared_predictor",
    "cross_validate": "cross_validation",
    "describe": "reports.dataset_report",
    "evaluate": "decision.evaluation",
    "find_label_errors": "decision.label_errors",
    "find_suspects": "suspects",
    "load_tokenizer": "encoder.checkpoint",
    "read_dataset": "data.reading",
    "read_splits": "data.splits",
    "report": "reports.evaluation_report",
    "split_dataset": "data.splitting",
    "tune_thresholds": "decision.thresholds",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"multilabel_bert.{_WHERE[name]}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
