"""What each representation is worth on the development split, by a head that costs next to nothing.

Ridge regression to the labels has a closed form, and one matrix of products serves every
representation that is made of the same parts.
"""

# N = texts, P = parts, H = hidden size, D = size of a representation, X = labels

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.decision.metrics import score
from multilabel_bert.encoder.pooling import pooling_parts
from multilabel_bert.training.head_start import Standardizer
from multilabel_bert.training.history import DEFAULT_MONITOR
from multilabel_bert.training.targets import Targets

# Enough to tell representations apart; more texts would only cost more.
_MOST_TEXTS = 8_000
_MOST_CELLS = 2**25  # 128 MB of targets
# Of the variance of a standardised feature, which is 1.
_PENALTY = 0.1


def quick_scores(
    train: Mapping[str, np.ndarray],
    train_targets: Targets,
    dev: Mapping[str, np.ndarray],
    dev_targets: Targets,
    poolings: Sequence[str],
) -> dict[str, float]:
    """Macro average precision on the development split of a ridge regression on each pooling.

    Features are standardised. An unknown cell counts as the mean of its label, which for a
    centred target is a cell without weight in the products. At most 8,000 texts are taken,
    and fewer where there are more than some thousand labels.

    Args:
        train: parts of representations, float32 [N, H] each.
        train_targets: [N, X].
        dev: the same parts of the development texts.
        dev_targets: of these.
        poolings: made of those parts.

    Returns:
        Pooling to score, in the order given.

    Source: Hoerl and Kennard 1970, "Ridge regression: biased estimation for nonorthogonal
    problems".
    """
    names = list(dict.fromkeys(part for pooling in poolings for part in pooling_parts(pooling)))
    rows, dev_rows = _some(*train_targets.shape), _some(*dev_targets.shape)
    scalers = {name: Standardizer.of(train[name]) for name in names}
    features = _standardised(train, scalers, rows)
    dev_features = _standardised(dev, scalers, dev_rows)
    centred = _centred(train_targets[rows])
    products = features.T @ features / np.float32(len(rows))  # [P H, P H]
    moments = features.T @ centred / np.float32(len(rows))  # [P H, X]
    truth = dev_targets[dev_rows]
    width = features.shape[1] // len(names)
    scores = {}
    for pooling in poolings:
        columns = np.concatenate(
            [np.arange(width) + width * names.index(part) for part in pooling_parts(pooling)]
        )
        ridge = products[np.ix_(columns, columns)] + _PENALTY * np.eye(len(columns), dtype="f4")
        kernel = np.linalg.solve(ridge, moments[columns])
        probabilities = sigmoid(dev_features[:, columns] @ kernel)
        scores[pooling] = float(score(DEFAULT_MONITOR, truth, probabilities))
    return scores


def _some(count: int, labels: int) -> np.ndarray:
    most = max(1, min(_MOST_TEXTS, _MOST_CELLS // labels))
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))


def _standardised(
    parts: Mapping[str, np.ndarray], scalers: Mapping[str, Standardizer], rows: np.ndarray
) -> np.ndarray:
    return np.concatenate(
        [scaler.apply(parts[name][rows]) for name, scaler in scalers.items()], axis=1
    )


def _centred(targets: np.ndarray) -> np.ndarray:
    known = targets >= 0
    means = np.where(known, targets, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, targets - means, 0).astype(np.float32)
