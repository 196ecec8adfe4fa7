"""Where the head starts, new or trained, and what standardised features do to its weights."""

# N = texts, D = size of the representation, X = labels

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multilabel_bert.decision.logistic import prior_log_odds
from multilabel_bert.training.saved_state import digest_of

# Of half precision and bfloat16, in which features are computed and kept: 2**-11 and 2**-9.
_NOISE = 1e-3


def prior_bias(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """The log-odds of each label among its known cells, float32 [X].

    A head that starts there does not spend its first steps on learning how rare the labels are;
    see `prior_log_odds`.

    Args:
        positives: int [X], texts that have each label.
        negatives: int [X], texts that are known not to have it.

    Source: Lin et al. 2017, arXiv:1708.02002, section 4.1.
    """
    return prior_log_odds(positives, negatives).astype(np.float32)


@dataclass(frozen=True)
class Standardizer:
    """Mean and deviation of features, both float32 [D]."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> Standardizer:
        """Of the features of N texts, [N, D].

        A saturated feature, such as a pooled value of 0.999 in every text, or a dead one, such as
        1e-7 in every text, differs between texts by rounding alone; dividing by that would make
        noise as large as what tells texts apart, and folded weights that float32 cannot hold. So
        a thousandth of the feature's size, or of the usual size of a feature if that is larger,
        is added to its deviation, as a root of squares. If all features are zero they keep 1.
        """
        mean = features.mean(axis=0, dtype=np.float64)
        variance = features.var(axis=0, dtype=np.float64)
        size = mean**2 + variance
        deviation = np.sqrt(variance + _NOISE**2 * np.maximum(size, size.mean()))
        deviation = np.where(deviation > 0, deviation, 1.0)
        return cls(mean.astype(np.float32), deviation.astype(np.float32))

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Standardise, [N, D] to [N, D]."""
        return (features - self.mean) / self.deviation

    def fold(self, kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights that give on plain features what `kernel` and `bias` give on standardised.

        ``((f - m) / s) K + b  =  f (K / s) + (b - (m / s) K)``

        Args:
            kernel: [D, X].
            bias: [X].
        """
        folded = kernel.astype(np.float64) / self.deviation[:, None]
        shifted = bias - self.mean.astype(np.float64) @ folded
        return folded.astype(np.float32), shifted.astype(np.float32)

    def unfold(self, kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The opposite: what weights for plain features are on standardised ones.

        ``f K + b  =  ((f - m) / s) (s K) + (b + m K)``

        Args:
            kernel: [D, X].
            bias: [X].
        """
        plain = kernel.astype(np.float64)
        unfolded = plain * self.deviation[:, None]
        shifted = bias + self.mean.astype(np.float64) @ plain
        return unfolded.astype(np.float32), shifted.astype(np.float32)


@dataclass(frozen=True)
class HeadStart:
    """A trained head from which a training goes on.

    Attributes:
        kernel: float32 [D, X], for features as the encoder gives them.
        bias: float32 [X].
        trained: bool [X], which columns are trained; the others start as those of a new head.
    """

    kernel: np.ndarray
    bias: np.ndarray
    trained: np.ndarray

    def digest(self) -> str:
        """A short digest of all of it."""
        return digest_of(self.kernel, self.bias, self.trained)

    def onto(
        self, kernel: np.ndarray, bias: np.ndarray, standardizer: Standardizer | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The trained columns in place of those of a new head.

        Args:
            kernel: [D, X], of the new head.
            bias: [X], of the new head.
            standardizer: of the features that the head gets.
        """
        old_kernel, old_bias = self.kernel, self.bias
        if standardizer is not None:
            old_kernel, old_bias = standardizer.unfold(old_kernel, old_bias)
        return (
            np.where(self.trained, old_kernel, kernel).astype(np.float32),
            np.where(self.trained, old_bias, bias).astype(np.float32),
        )
