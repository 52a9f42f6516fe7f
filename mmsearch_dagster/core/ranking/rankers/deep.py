"""A deep ranker: Hadamard products of what a small network reads, evaluated with numpy alone."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.features import Features
from mmsearch_dagster.core.ranking.rankers.linear import standardised

_Floats = NDArray[np.float64]
# Beyond so many standard deviations a value says no more.
MOST = 5.0


@dataclass(frozen=True)
class DeepRanker:
    """score = x . linear + ((h left) * (h right)) . product, with h = relu([x, missing] hidden + bias).

    x: the standardised features, 0 where missing, at most MOST. mean, scale, linear: float64 [f].
    hidden: [2 f, h]. bias: [h]. left, right: [h, p]. product: [p].
    """

    mean: _Floats
    scale: _Floats
    linear: _Floats
    hidden: _Floats
    bias: _Floats
    left: _Floats
    right: _Floats
    product: _Floats

    def predict(self, features: Features) -> _Floats:
        """Scores.

        Args:
            features: float32 [n, f], NaN where a value is missing.

        Returns:
            float64 [n].
        """
        values = network_input(features, self.mean, self.scale)
        read = np.maximum(values @ self.hidden + self.bias, 0.0)
        products = (read @ self.left) * (read @ self.right)
        return values[:, : len(self.linear)] @ self.linear + products @ self.product

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name -> array, for a safetensors file."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "DeepRanker":
        """The inverse of `arrays`. Raises KeyError for a damaged file."""
        return cls(**{each.name: arrays[each.name] for each in fields(cls)})


def network_input(features: Features, mean: _Floats, scale: _Floats) -> _Floats:
    """What the network reads: the values, then for each whether it is missing.

    Args:
        features: float32 [n, f], NaN where missing.
        mean: [f].
        scale: [f].

    Returns:
        float64 [n, 2 f].
    """
    values = np.clip(standardised(features, mean, scale), -MOST, MOST)
    return np.concatenate([values, np.isnan(features).astype(np.float64)], axis=1)
