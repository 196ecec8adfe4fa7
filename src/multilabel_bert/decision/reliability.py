"""Whether probabilities come true: reliability curves, calibration error and Brier score."""

# N = texts, X = labels, B = bins

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import (
    BoolArray,
    FloatArray,
    Targets,
    check_probabilities,
    check_targets,
)
from multilabel_bert.decision.curves import label_columns
from multilabel_bert.errors import SettingsError

BINS = 15
BINNINGS = ("equal_width", "equal_mass")


@dataclass(frozen=True)
class ReliabilityCurve:
    """What was promised and what came true, bin by bin; bins without a cell are left out.

    Attributes:
        probability: [B], mean probability of the cells of each bin, ascending.
        share: [B], share of them that are true.
        cells: [B], their number.
    """

    probability: tuple[float, ...]
    share: tuple[float, ...]
    cells: tuple[int, ...]

    @property
    def calibration_error(self) -> float:
        """The expected calibration error: mean distance of both, over cells; NaN without any.

        Source: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian
        Binning", for the yes/no case; Guo et al. 2017, arXiv:1706.04599.
        """
        if not len(self.cells):
            return float("nan")
        distances = np.abs(np.subtract(self.probability, self.share))
        return float(np.average(distances, weights=self.cells))


def reliability_curve(
    targets: Any,
    probabilities: Any,
    *,
    label: int | None = None,
    bins: int = BINS,
    binning: str = "equal_width",
) -> ReliabilityCurve:
    """The reliability curve of one label, or of all cells together.

    Args:
        targets: [N, X], 1 yes, 0 no, -1 or NaN unknown; unknown cells are dropped.
        probabilities: float [N, X], each in [0, 1].
        label: a column from 0; None for all cells together.
        bins: most bins.
        binning: ``"equal_width"`` between 0 and 1, or ``"equal_mass"``: as many cells in each,
            but for equal probabilities, which stay together.

    Raises:
        SettingsError: for another binning, or a number that cannot be used.
        DataError: if the arrays do not fit each other.

    Example:
        >>> curve = reliability_curve([[0], [1], [1]], [[0.1], [0.7], [0.9]], bins=2)
        >>> curve.share, curve.cells
        ((0.0, 1.0), (1, 2))
    """
    checked = check_targets(targets)
    scores = check_probabilities(probabilities, (checked.truth.shape[0], checked.truth.shape[1]))
    labels = scores.shape[1]
    if isinstance(bins, bool) or not hasattr(bins, "__index__") or bins < 1:
        raise SettingsError(f"bins={bins!r} must be a whole number of at least 1.")
    if binning not in BINNINGS:
        raise SettingsError(f"binning={binning!r} is unknown. Use one of {', '.join(BINNINGS)}.")
    if label is None:
        return cell_curve(checked.truth, checked.known, scores, bins=bins, binning=binning)
    if isinstance(label, bool) or not hasattr(label, "__index__") or not 0 <= label < labels:
        raise SettingsError(f"label={label!r}, but the labels are the columns 0 to {labels - 1}.")
    known = None if checked.known is None else checked.known[:, label]
    return cell_curve(checked.truth[:, label], known, scores[:, label], bins=bins, binning=binning)


def label_reliability(
    targets: Any, probabilities: Any, *, bins: int = BINS, binning: str = "equal_width"
) -> list[ReliabilityCurve]:
    """The reliability curve of each label; see `reliability_curve`."""
    checked = check_targets(targets)
    scores = check_probabilities(probabilities, (checked.truth.shape[0], checked.truth.shape[1]))
    return [
        cell_curve(*cells, bins=bins, binning=binning) for cells in label_columns(checked, scores)
    ]


def cell_curve(
    truth: BoolArray,
    known: BoolArray | None,
    scores: FloatArray,
    *,
    bins: int = BINS,
    binning: str = "equal_width",
) -> ReliabilityCurve:
    """The curve of cells in arrays of one shape; bins are those of scikit-learn's function."""
    truth, scores = (
        (truth.ravel(), scores.ravel()) if known is None else (truth[known], scores[known])
    )
    scores = scores.astype(np.float64)
    if not len(scores):
        return ReliabilityCurve((), (), ())
    edges = np.linspace(0, 1, bins + 1)
    if binning == "equal_mass":
        edges = np.percentile(scores, edges * 100)
    # A probability on an edge belongs below it.
    place = np.searchsorted(edges[1:-1], scores)
    cells = np.bincount(place, minlength=bins)
    some = cells > 0
    probability, share = (
        tuple((np.bincount(place, values, minlength=bins)[some] / cells[some]).tolist())
        for values in (scores, truth)
    )
    return ReliabilityCurve(probability, share, tuple(cells[some].tolist()))


def label_calibration(
    targets: Targets, scores: FloatArray
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each label: calibration error in bins of equal width, of equal mass, and Brier score.

    Returns:
        float64 [X] each; NaN for a label of which nothing is known.
    """
    rows = []
    for truth, known, column in label_columns(targets, scores):
        rows.append(
            (
                cell_curve(truth, known, column).calibration_error,
                cell_curve(truth, known, column, binning="equal_mass").calibration_error,
                brier_score(truth, known, column),
            )
        )
    width, mass, brier = np.array(rows).T
    return width, mass, brier


def brier_score(truth: BoolArray, known: BoolArray | None, scores: FloatArray) -> float:
    """The mean squared distance of the probability from 1 where true, else 0; NaN of no cell.

    Source: Brier 1950, "Verification of Forecasts Expressed in Terms of Probability".
    """
    squares = np.square(scores.astype(np.float64) - truth)
    if known is not None:
        squares = squares[known]
    return float(squares.mean()) if squares.size else float("nan")
