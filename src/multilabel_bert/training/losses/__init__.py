"""Losses of multi-label classification, each from logits and masked where a label is unknown."""

from multilabel_bert.training.losses.base import MultiLabelLoss
from multilabel_bert.training.losses.cell_losses import Asymmetric, Focal, SigmoidCrossEntropy
from multilabel_bert.training.losses.choice import make_loss
from multilabel_bert.training.losses.class_weights import balanced_positive_weights
from multilabel_bert.training.losses.distribution_balanced import DistributionBalanced
from multilabel_bert.training.losses.zlpr import ZLPR

__all__ = [
    "ZLPR",
    "Asymmetric",
    "DistributionBalanced",
    "Focal",
    "MultiLabelLoss",
    "SigmoidCrossEntropy",
    "balanced_positive_weights",
    "make_loss",
]
