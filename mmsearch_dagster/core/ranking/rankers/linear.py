"""A linear ranker with a listwise loss: the softmax cross-entropy of ListNet (Cao et al., ICML 2007)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.relevance.features import Features
from mmsearch_dagster.core.ranking.relevance.training_set import TrainingSet

_Floats = NDArray[np.float64]


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
    return np.nan_to_num((features.astype(np.float64) - mean) / scale, nan=0.0)


def moments(features: Features) -> tuple[_Floats, _Floats]:
    """Mean and standard deviation of each column without its missing values; 0 and 1 where there are none.

    Args:
        features: float32 [n, f], NaN where missing.

    Returns:
        Two float64 [f].
    """
    present = ~np.isnan(features)
    count = np.maximum(present.sum(axis=0), 1)
    values = np.where(present, features, 0.0).astype(np.float64)
    mean = values.sum(axis=0) / count
    spread = np.sqrt((np.where(present, values - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, np.where(spread > 1e-9, spread, 1.0)


def train_linear(training: TrainingSet, *, l2: float = 1.0) -> LinearRanker:
    """The weights of least loss; convex, so there is one answer and no seed.

    The target of a query is its gains 2^grade - 1, as shares. Queries without a graded candidate are left
    out. l2: weight of the squared norm, against the sum over queries.
    """
    from scipy.optimize import minimize

    mean, scale = moments(training.features)
    rows = standardised(training.features, mean, scale)
    gains = np.exp2(training.grades) - 1.0
    spans = [span for _, span in training.spans() if gains[span].sum() > 0]

    def loss(weights: _Floats) -> tuple[float, _Floats]:
        total, gradient = 0.5 * l2 * float(weights @ weights), l2 * weights
        for span in spans:
            part, target = rows[span], gains[span] / gains[span].sum()
            scores = part @ weights
            scores -= scores.max()
            share = np.exp(scores) / np.exp(scores).sum()
            total -= float(target @ (scores - np.log(np.exp(scores).sum())))
            gradient = gradient + part.T @ (share - target)
        return total, gradient

    start = np.zeros(rows.shape[1])
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return LinearRanker(np.asarray(best.x), mean, scale)
