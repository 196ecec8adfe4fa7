"""What the quality benchmark trains, as data: groups of settings that are compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Of the figures that are compared with the goals; where something is only looked for, the first.
SEEDS = (42, 43, 44)
FIRST = SEEDS[:1]


@dataclass(frozen=True)
class Group:
    """Settings of one table.

    Attributes:
        title: of the table.
        data: the data sets it is made for.
        settings: parameters of `MultiLabelClassifier` that differ from its defaults, one
            dictionary a row.
        seeds: of the runs.
    """

    title: str
    data: tuple[str, ...]
    settings: tuple[dict[str, Any], ...]
    seeds: tuple[int, ...] = field(default=SEEDS)


def describe(parameters: dict[str, Any]) -> str:
    """A name for settings.

    >>> describe({"train_layers": 2, "pooling": "mean", "learning_rate": 2e-4})
    'train_layers=2, pooling=mean, learning_rate=0.0002'
    >>> describe({})
    'defaults'
    """
    words = (
        f"{name}={value:g}"
        if isinstance(value, float)
        else f"{name}={value}".replace("'", "").replace("{", "(").replace("}", ")")
        for name, value in parameters.items()
    )
    return ", ".join(words) or "defaults"


def _varied(base: dict[str, Any], name: str, *values: Any) -> tuple[dict[str, Any], ...]:
    return tuple(base | {name: value} for value in values)


ALL_DATA = ("goemotions", "semeval", "complaints", "jigsaw", "tmdb")
LARGE = ("goemotions", "semeval")
POOLED: dict[str, Any] = {}
BOTH: dict[str, Any] = {"pooling": "cls+mean"}
TOP2: dict[str, Any] = {"train_layers": 2}
TOP2_MEAN = TOP2 | {"pooling": "mean"}
TOP3_MEAN: dict[str, Any] = {"train_layers": 3, "pooling": "mean"}
ALL_MEAN: dict[str, Any] = {"train_layers": "all", "pooling": "mean"}
LOSSES = (
    {"loss": "focal"},
    {"loss": "asymmetric"},
    {"loss": "distribution_balanced"},
    {"loss": "zlpr"},
    {"label_smoothing": 0.05},
)

GROUPS: dict[str, Group] = {
    "representation": Group(
        "Head alone: what represents a text",
        ALL_DATA,
        (
            *_varied({}, "pooling", "pooled", "cls", "mean", "max", "cls+mean", "max+mean"),
            *_varied({}, "pooling", "cls+max+mean", "cls_last4", "mean_last4", "auto"),
        ),
    ),
    "start": Group(
        "Head alone: standardised features, and the bias at the label prior",
        LARGE,
        tuple(
            base | off
            for base in ({"pooling": "pooled"}, BOTH)
            for off in (
                {},
                {"standardize": False},
                {"prior_bias": False},
                {"standardize": False, "prior_bias": False},
            )
        ),
        FIRST,
    ),
    "folds": Group(
        "Head alone: thresholds chosen by cross-validation on the training texts",
        ALL_DATA,
        tuple(
            {"pooling": pooling} | folds
            for pooling in ("pooled", "cls+mean", "mean_last4")
            for folds in ({}, {"threshold_cv": 5})
        ),
    ),
    "head rates": Group(
        "Head alone: learning rate and epochs",
        LARGE,
        tuple(
            base | {"learning_rate": rate, "num_train_epochs": epochs}
            for base in ({"pooling": "pooled"}, BOTH)
            for rate in (1e-3, 2e-3, 5e-3, 1e-2, 2e-2)
            for epochs in (10, 30)
        ),
        FIRST,
    ),
    "head regularisation": Group(
        "Head alone: weight decay, dropout",
        LARGE,
        (
            *_varied(BOTH, "weight_decay", 0.0, 0.1, 1.0),
            *_varied(BOTH, "dropout", 0.0, 0.3, 0.5),
        ),
        FIRST,
    ),
    "head losses": Group(
        "Head alone: loss and class weights",
        ALL_DATA,
        (BOTH, BOTH | {"class_weight": "balanced"}, *(BOTH | loss for loss in LOSSES)),
        FIRST,
    ),
    "top layers": Group(
        "Top layers: the defaults, and what the tables advise",
        LARGE,
        (
            TOP2,
            TOP2_MEAN,
            TOP2_MEAN | {"loss": "asymmetric"},
            TOP3_MEAN,
            TOP3_MEAN | {"loss": "asymmetric"},
        ),
    ),
    "top settings": Group(
        "Top 2 layers: learning rate, epochs, loss, averaging",
        LARGE,
        (
            *_varied(TOP2_MEAN, "learning_rate", 1e-4, 2e-4, 4e-4),
            *_varied(TOP2_MEAN, "num_train_epochs", 2, 4),
            *_varied(TOP2_MEAN, "dropout", 0.0, 0.3),
            TOP2 | {"pooling": "cls+mean"},
            TOP2 | {"pooling": "mean_last4"},
            TOP2 | {"pooling": "mean_last4", "loss": "asymmetric"},
            TOP2_MEAN | {"class_weight": "balanced"},
            *(TOP2_MEAN | loss for loss in LOSSES),
            TOP2_MEAN | {"loss": "asymmetric", "asl_gamma_neg": 4.0},
            TOP2_MEAN | {"layer_decay": 0.9},
            TOP2_MEAN | {"ema_decay": 0.999},
            TOP2_MEAN | {"loss": "asymmetric", "ema_decay": 0.999},
            TOP2_MEAN | {"loss": "asymmetric", "num_train_epochs": 4},
            TOP2_MEAN | {"gradual_unfreezing": 0.2},
        ),
        FIRST,
    ),
    "more layers": Group(
        "Top 3 and 4 layers: epochs, averaging, representation",
        LARGE,
        (
            *_varied(TOP3_MEAN | {"loss": "asymmetric"}, "num_train_epochs", 4),
            *_varied(TOP3_MEAN | {"loss": "asymmetric"}, "ema_decay", 0.999),
            TOP3_MEAN | {"pooling": "mean_last4", "loss": "asymmetric"},
            TOP3_MEAN | {"train_layers": 4, "loss": "asymmetric"},
        ),
        FIRST,
    ),
    "all layers": Group(
        "All layers",
        LARGE,
        (
            {"train_layers": "all"},
            ALL_MEAN,
            *_varied(ALL_MEAN, "learning_rate", 2e-4, 3e-4, 5e-4),
            ALL_MEAN | {"learning_rate": 3e-4, "loss": "asymmetric"},
            {"train_layers": "all", "pooling": "mean_last4", "learning_rate": 3e-4},
            ALL_MEAN | {"learning_rate": 3e-4, "layer_decay": 0.9},
            ALL_MEAN | {"learning_rate": 3e-4, "ema_decay": 0.999},
            ALL_MEAN | {"learning_rate": 3e-4, "num_train_epochs": 4},
            ALL_MEAN | {"learning_rate": 3e-4, "dropout": 0.3},
        ),
    ),
}

# Hugging Face Trainer, all layers, 3 epochs; the best on the development split is compared.
PEER_RATES = (1e-4, 3e-4, 5e-4)
