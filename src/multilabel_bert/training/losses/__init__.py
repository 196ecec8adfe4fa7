"""Losses of multi-label classification, each from logits and masked where a label is unknown."""

from multilabel_bert.training.losses.base import MultiLabelLoss
from multilabel_bert.training.losses.cell_losses import Asymmetric, Focal, SigmoidCrossEntropy
from multilabel_bert.training.losses.choice import make_loss
from multilabel_bert.training.losses.distribution_balanced import DistributionBalanced
from multilabel_bert.training.losses.zlpr import ZLPR

__all__ = [
    "ZLPR",
    "Asymmetric",
    "DistributionBalanced",
    "Focal",
    "MultiLabelLoss",
    "SigmoidCrossEntropy",
    "make_loss",
]
