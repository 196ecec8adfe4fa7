"""A calibration put into the weights of the head, for programs that know only those."""

# D = size of the representation, X = labels

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multilabel_bert.errors import SettingsError
from multilabel_bert.model.classifier_model import ClassifierModel


def with_folded_calibration(model: ClassifierModel) -> ClassifierModel:
    """The model whose plain sigmoid gives what was calibrated: slope K and slope b + intercept.

    Its logits are the calibrated ones, and training that goes on from it starts from them. What
    it answers is the same but for rounding; without a calibration it is the same model.

    Raises:
        SettingsError: if a label has an isotonic curve, which no weights can express.
    """
    calibration = model.rule.calibration
    if calibration is None:
        return model
    if calibration.curves:
        raise SettingsError(
            f"fold_calibration: {len(calibration.curves)} labels have an isotonic curve, which "
            "weights cannot express. Calibrate by 'platt' or 'temperature' first."
        )
    kernel = model.kernel.astype(np.float64) * calibration.slopes
    bias = model.bias.astype(np.float64) * calibration.slopes + calibration.intercepts
    return replace(
        model,
        kernel=kernel.astype(np.float32),
        bias=bias.astype(np.float32),
        rule=replace(model.rule, calibration=None),
    )


def calibration_note(model: ClassifierModel) -> str | None:
    """What other programs do not know of a calibrated model, without a full stop; else None."""
    calibration = model.rule.calibration
    if calibration is None:
        return None
    return (
        f"The probabilities are calibrated ({calibration.describe()}); other programs read the "
        "head without that, and their probabilities do not fit these thresholds"
    )
