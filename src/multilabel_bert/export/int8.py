"""What int8 costs: macro-F1 on texts whose labels are known, before and after."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.bootstrap import PairedDifference, paired_differences
from multilabel_bert.decision.judgement import judge
from multilabel_bert.encoder.encoding import Engine, encode_parts
from multilabel_bert.errors import DataError, SettingsError
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.outcome import Outcome, outcome_of
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.progress import Progress
from multilabel_bert.text.long_texts import pool_windows
from multilabel_bert.text.tokenized_texts import TokenizedTexts

_CALIBRATION_TEXTS = 300
_SEED = 0


@dataclass(frozen=True)
class Int8:
    """That an export is quantized to int8, and what that may cost.

    Attributes:
        data: texts with labels that the model was not trained on: the cost is measured on them.
            OpenVINO finds the ranges of the activations with some, and then measures on the
            others.
        max_loss: points of macro-F1 (0.5 is from 0.600 to 0.595) above which it is refused.
        force: whether it is written whatever it costs.
        progress: where progress is shown.
    """

    data: Dataset
    max_loss: float = 0.5
    force: bool = False
    progress: Progress = field(default_factory=lambda: Progress("silent"))

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            SettingsError: for a loss that is no number of 0 or more.
            DataError: if there are no labels.
        """
        if not self.max_loss >= 0:
            raise SettingsError(f"max_loss={self.max_loss}: expected points of F1, 0 or more.")
        self.data.require_labels()

    def calibration_split(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices of up to 300 texts for the ranges, at most a quarter, and of all others.

        Raises:
            DataError: if there are fewer than 4 texts.
        """
        texts = len(self.data)
        if texts < 4:
            raise DataError(
                f"{self.data.source} has {texts} texts; int8 needs at least 4, and some hundred "
                "to say anything."
            )
        order = np.random.default_rng(_SEED).permutation(texts)
        count = min(_CALIBRATION_TEXTS, texts // 4)
        return np.sort(order[:count]), np.sort(order[count:])


@dataclass(frozen=True)
class Int8Cost:
    """What int8 changes on N texts.

    Attributes:
        texts: N.
        macro_f1: of the float32 model minus that of int8, with a 95% interval.
        mean_difference: of probabilities.
        max_difference: of probabilities.
        changed_decisions: share of the N * X decisions that are others.
    """

    texts: int
    macro_f1: PairedDifference
    mean_difference: float
    max_difference: float
    changed_decisions: float

    def describe(self) -> str:
        """In a line, for people."""
        f1 = self.macro_f1
        return (
            f"int8 changes macro-F1 by {-100 * f1.value:+.2f} points on {self.texts:,} texts: "
            f"{f1.first:.4f} to {f1.second:.4f} (95% interval {-100 * f1.high:+.2f} to "
            f"{-100 * f1.low:+.2f}); {self.changed_decisions:.2%} of the decisions change; "
            f"probabilities differ by {self.mean_difference:.4f} on average, at most "
            f"{self.max_difference:.3f}"
        )


def measured_cost(
    model: ClassifierModel, engine: Engine, int8: Int8, rows: np.ndarray | None = None
) -> Int8Cost:
    """Compare a quantized graph with the model in float32, and refuse it if it costs too much.

    Args:
        model: before.
        engine: runs the quantized graph, with an output ``logits``.
        int8: the texts, and what it may cost.
        rows: which of the texts; all unless given.

    Raises:
        SettingsError: if it costs more than allowed.
    """
    data = int8.data.with_label_names(model.label_names)
    if rows is not None:
        data = data.subset(rows)
    predictor = Predictor(model, precision="float32")
    before = predictor.predict_logits(data.texts, data.text_pairs, progress=int8.progress)
    with int8.progress.task("Predicting in int8", len(data), "texts") as task:
        after = logits_of(engine, model, data, task.advance)
    first, second = (
        outcome_of(model.rule, model.label_names, data.dense_labels(), logits)
        for logits in (before, after)
    )
    cost = _cost(data.dense_labels(), first, second)
    points = 100 * cost.macro_f1.value
    # A label without known cells makes no loss; a NaN is no permission either.
    if not points <= int8.max_loss and not int8.force:
        raise SettingsError(
            f"{cost.describe()}. It may lose max_loss={int8.max_loss:g}, so nothing was "
            "written. Allow more by max_loss, or write it all the same: force=True in Python, "
            "--force on the command line."
        )
    return cost


def logits_of(
    engine: Engine,
    model: ClassifierModel,
    data: Dataset,
    on_batch: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Logits float32 [N, X] of texts by another runtime, in the batches of `Predictor`."""
    texts = tokenized(model, data)
    whole = texts.window_offsets is None
    parts = encode_parts(engine, texts, on_batch=on_batch if whole else None)
    return pool_windows(parts["logits"], texts.window_offsets, model.long_texts.windows)


def tokenized(model: ClassifierModel, data: Dataset) -> TokenizedTexts:
    """What the encoder sees of the texts."""
    return model.tokenizer.encode(
        data.texts,
        data.text_pairs,
        max_seq_length=model.max_seq_length,
        long_texts=model.long_texts,
    )


def _cost(targets: Any, before: Outcome, after: Outcome) -> Int8Cost:
    difference = np.abs(before.probabilities - after.probabilities)
    macro, _ = paired_differences(
        judge(targets, before.probabilities, before.decisions),
        judge(targets, after.probabilities, after.decisions),
    )
    return Int8Cost(
        texts=len(difference),
        macro_f1=macro,
        mean_difference=float(difference.mean()),
        max_difference=float(difference.max()),
        changed_decisions=float(np.mean(before.decisions != after.decisions)),
    )
