"""Labels added to a trained model or removed from it, without training."""

# D = size of the representation, X = labels before, Y = labels after

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from multilabel_bert.data.label_names import check_label_names
from multilabel_bert.data.layout import DataLayout
from multilabel_bert.decision.rule_labels import rule_for_labels
from multilabel_bert.errors import SettingsError, did_you_mean
from multilabel_bert.model.classifier_model import ClassifierModel


def with_labels_added(
    model: ClassifierModel, names: Sequence[str], probability: float | Mapping[str, float]
) -> ClassifierModel:
    """The model with more labels, the same for every text until they are trained.

    Args:
        model: with X labels.
        names: of new labels.
        probability: of each of them, one number or a dictionary from name to number.

    Raises:
        LabelError: if a name is no name, or is given twice.
        SettingsError: if the model has the label already, or a probability is not between 0 and 1.
    """
    new = check_label_names(names, "add_labels")
    for name in new:
        if name in model.label_names:
            raise SettingsError(f"add_labels: the model has the label {name!r} already.")
    bias = np.concatenate([model.bias, _log_odds(new, probability)])
    kernel = np.concatenate([model.kernel, np.zeros((len(model.kernel), len(new)), np.float32)], 1)
    columns: list[int | None] = [*range(model.num_labels), *([None] * len(new))]
    return _changed(model, (*model.label_names, *new), columns, kernel, bias)


def with_labels_removed(model: ClassifierModel, names: Sequence[str]) -> ClassifierModel:
    """The model without some of its labels; the others answer as before.

    Args:
        model: with X labels.
        names: of labels of the model.

    Raises:
        LabelError: if a name is no name, or is given twice.
        SettingsError: if the model has no such label, or no other.
    """
    gone = check_label_names(names, "remove_labels")
    for name in gone:
        if name not in model.label_names:
            raise SettingsError(
                f"remove_labels: the model has no label {name!r}."
                f"{did_you_mean(name, model.label_names)}"
            )
    columns = [x for x, name in enumerate(model.label_names) if name not in set(gone)]
    if not columns:
        raise SettingsError(
            f"remove_labels names all {model.num_labels} labels of the model. Leave at least one."
        )
    left = tuple(model.label_names[x] for x in columns)
    return _changed(model, left, columns, model.kernel[:, columns], model.bias[columns])


def layout_for_labels(
    layout: dict[str, Any] | None, before: Sequence[str], after: Sequence[str]
) -> dict[str, Any] | None:
    """A stored layout of tables for other labels; None where that cannot be known.

    Args:
        layout: as `ClassifierModel.layout`.
        before: X names.
        after: Y names.
    """
    if layout is None or tuple(before) == tuple(after):
        return layout
    other = DataLayout.from_dict(layout).with_labels(after)
    return None if other is None else other.to_dict()


def _changed(
    model: ClassifierModel,
    names: tuple[str, ...],
    columns: Sequence[int | None],
    kernel: np.ndarray,
    bias: np.ndarray,
) -> ClassifierModel:
    kept = {model.label_names[x] for x in columns if x is not None}
    changes = [
        *model.provenance.get("label_changes", ()),
        {
            "added": [name for name in names if name not in model.label_names],
            "removed": [name for name in model.label_names if name not in kept],
        },
    ]
    return replace(
        model,
        kernel=np.ascontiguousarray(kernel),
        bias=np.ascontiguousarray(bias),
        label_names=names,
        rule=rule_for_labels(model.rule, columns),
        layout=layout_for_labels(model.layout, model.label_names, names),
        # They are of the labels of before.
        metrics={},
        baseline=None,
        provenance=model.provenance | {"label_changes": changes},
    )


def _log_odds(names: Sequence[str], probability: float | Mapping[str, float]) -> np.ndarray:
    given = probability if isinstance(probability, Mapping) else dict.fromkeys(names, probability)
    for name in given:
        if name not in names:
            raise SettingsError(
                f"add_labels: probability names {name!r}, which is not added."
                f"{did_you_mean(str(name), names)}"
            )
    odds = []
    for name in names:
        value = given.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            value = np.nan
        if not 0 < value < 1:
            raise SettingsError(
                f"add_labels: probability of {name!r}: expected a number between 0 and 1, got "
                f"{given.get(name)!r}."
            )
        odds.append(np.log(value / (1 - value)))
    return np.array(odds, np.float32)
