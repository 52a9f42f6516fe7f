"""A linear ranker with a listwise loss: the softmax cross-entropy of ListNet (Cao et al., ICML 2007)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.features import Features
from mmsearch_dagster.core.ranking.training_set import TrainingSet

_Floats = NDArray[np.float64]
_BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class LinearRanker:
    """score = weights . (features - mean) / scale; a missing value counts as the mean.

    weights, mean, scale: float64 [f].
    """

    weights: _Floats
    mean: _Floats
    scale: _Floats

    def predict(self, features: Features) -> _Floats:
        """Linear scores.

        Args:
            features: float32 [n, f], NaN where a value is missing.

        Returns:
            float64 [n].
        """
        return standardised(features, self.mean, self.scale) @ self.weights

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name -> array, for a safetensors file."""
        return {"weights": self.weights, "mean": self.mean, "scale": self.scale}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "LinearRanker":
        """The inverse of `arrays`. Raises KeyError for a damaged file."""
        return cls(arrays["weights"], arrays["mean"], arrays["scale"])


def standardised(features: Features, mean: _Floats, scale: _Floats) -> _Floats:
    """Standardises features; a missing value becomes 0.

    Args:
        features: float32 [n, f], NaN where missing.
        mean: [f].
        scale: [f].

    Returns:
        float64 [n, f].
    """
    values = features.astype(np.float64)
    values -= mean
    values /= scale
    return np.nan_to_num(values, copy=False, nan=0.0)


def moments(features: Features) -> tuple[_Floats, _Floats]:
    """Mean and standard deviation of each column without its missing values; 0 and 1 where there are none.

    Args:
        features: float32 [n, f], NaN where missing.

    Returns:
        Two float64 [f].
    """
    mean = _column_means(features, np.zeros(features.shape[1]), power=1)
    spread = np.sqrt(_column_means(features, mean, power=2))
    return mean, np.where(spread > 1e-9, spread, 1.0)


def _column_means(features: Features, origin: _Floats, *, power: int) -> _Floats:
    """Means of (value - origin) ** power over what is there, [f]; a block of rows at a time, for the whole in
    double precision would be several times as large as the features."""
    total, count = np.zeros(features.shape[1]), np.zeros(features.shape[1])
    for first in range(0, len(features), _BLOCK_ROWS):
        block = features[first : first + _BLOCK_ROWS].astype(np.float64)
        count += (~np.isnan(block)).sum(axis=0)
        total += np.nansum((block - origin) ** power, axis=0)
    return total / np.maximum(count, 1)


def train_linear(
    training: TrainingSet, *, l2: float = 1.0, gain_weights: _Floats | None = None
) -> LinearRanker:
    """The weights of least loss; convex, so there is one answer and no seed.

    The target of a query is its gains 2^grade - 1, as shares. Queries without a graded candidate are left
    out.

    Args:
        training: `n` candidates.
        l2: weight of the squared norm, against the sum over queries.
        gain_weights: what each gain counts, [n], as inverse propensities of clicks; a query then counts the
            mean of its own, weighted by its gains. None: all the same.
    """
    from scipy.optimize import minimize

    mean, scale = moments(training.features)
    rows = standardised(training.features, mean, scale)
    gains = np.exp2(training.grades) - 1.0
    spans = [span for _, span in training.spans() if gains[span].sum() > 0]
    if not spans:
        return LinearRanker(np.zeros(rows.shape[1]), mean, scale)
    taught = np.concatenate([rows[span] for span in spans])
    weighed = gains if gain_weights is None else gains * gain_weights
    target = np.concatenate([weighed[span] / weighed[span].sum() for span in spans])
    sizes = np.array([span.stop - span.start for span in spans])
    counts = np.repeat([weighed[span].sum() / gains[span].sum() for span in spans], sizes)

    def loss(weights: _Floats) -> tuple[float, _Floats]:
        share, total = _cross_entropy(taught @ weights, target, sizes, counts)
        gradient = l2 * weights + taught.T @ (counts * (share - target))
        return 0.5 * l2 * float(weights @ weights) + total, gradient

    best = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return LinearRanker(np.asarray(best.x), mean, scale)


def _cross_entropy(
    scores: _Floats, target: _Floats, sizes: NDArray[np.int64], counts: _Floats
) -> tuple[_Floats, float]:
    """The softmax of each list, and the cross-entropy of all of them.

    Args:
        scores: of the lists' rows, one list after the other, [n].
        target: shares that add up to 1 in each list, [n].
        sizes: rows of each list.
        counts: what the list of each row counts, [n].
    """
    starts = np.cumsum(sizes) - sizes
    shifted = scores - np.repeat(np.maximum.reduceat(scores, starts), sizes)
    powers = np.exp(shifted)
    sums = np.repeat(np.add.reduceat(powers, starts), sizes)
    return powers / sums, -float((counts * target) @ (shifted - np.log(sums)))
