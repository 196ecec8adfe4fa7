"""The loss that the settings ask for."""

# X = labels

from __future__ import annotations

import numpy as np

from multilabel_bert.training.losses.base import MultiLabelLoss
from multilabel_bert.training.losses.cell_losses import Asymmetric, Focal, SigmoidCrossEntropy
from multilabel_bert.training.losses.distribution_balanced import DistributionBalanced
from multilabel_bert.training.losses.zlpr import ZLPR
from multilabel_bert.training.settings import TrainingSettings


def make_loss(
    settings: TrainingSettings,
    *,
    counts: tuple[np.ndarray, np.ndarray],
    positive_weights: np.ndarray | None = None,
) -> MultiLabelLoss:
    """The loss of a training.

    Args:
        settings: `loss`, its parameters and `label_smoothing`.
        counts: positive and negative texts of each label, [X] each.
        positive_weights: float32 [X] or None; the settings see to it that the loss takes them.
    """
    smoothing = settings.label_smoothing
    if settings.loss == "focal":
        return Focal(settings.focal_gamma, positive_weights, smoothing)
    if settings.loss == "asymmetric":
        return Asymmetric(
            settings.asl_gamma_neg,
            settings.asl_gamma_pos,
            settings.asl_margin,
            positive_weights,
            smoothing,
        )
    if settings.loss == "distribution_balanced":
        return DistributionBalanced(
            *counts,
            settings.db_alpha,
            settings.db_beta,
            settings.db_mu,
            settings.db_lambda,
            settings.db_kappa,
            smoothing,
        )
    if settings.loss == "zlpr":
        return ZLPR(smoothing)
    return SigmoidCrossEntropy(positive_weights, smoothing)
