"""What goes into a training run, and what comes out."""

# N = texts, D = size of the representation, X = labels

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.training.history import History
from multilabel_bert.training.search_result import SearchResult
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.targets import Targets


@dataclass(frozen=True)
class Examples:
    """N tokenized texts, what is true of them, [N, X], and their weights in the loss, [N]."""

    texts: TokenizedTexts
    targets: Targets
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    """int64 [N], equal for identical texts; None: no two are. For folds."""


@dataclass(frozen=True)
class TrainedWeights:
    """What a run learned.

    Attributes:
        tensors: of the encoder, the frozen ones as they were.
        kernel: float32 [D, X], of the head, for features as the encoder gives them.
        bias: float32 [X].
        pooling: what represents a text.
        settings: resolved.
        history: of the training.
        representation_scores: with ``pooling="auto"``, the macro average precision of each
            representation on the development split.
        precision: in which the frozen layers ran, or with ``"all"`` the trained ones.
        dev_logits: float32 [N, X] of the development split, where the run has them as good as
            prediction would give them; else None.
        out_of_fold_logits: float32 [N, X] of the training texts, each from a head that was not
            trained on it, where the run had such; else None.
        search: what was searched; None without a search.
    """

    tensors: dict[str, np.ndarray]
    kernel: np.ndarray
    bias: np.ndarray
    pooling: str
    settings: TrainingSettings
    history: History
    representation_scores: dict[str, float] = field(default_factory=dict)
    precision: str = "float32"
    dev_logits: np.ndarray | None = None
    out_of_fold_logits: np.ndarray | None = None
    search: SearchResult | None = None
