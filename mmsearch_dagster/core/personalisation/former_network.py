"""The network that orders searches of known people in releases of before the linear ranker: only read.

score = w·x + outer(gelu(inner([x, U (V_user p ⊙ W_item q)]))), p the person's vector and q the product's
(Kim et al., Hadamard Product for Low-rank Bilinear Pooling, ICLR 2017). Legend: n pairs, f features, d width
of the vectors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.personalisation.person_rows import PersonColumns, PersonRows, Values, sigmoid

# Beyond so many standard deviations a value says no more.
_MOST = 5.0


class FormerSpec(PersonColumns):
    """mean, spread: of the features."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    blocks: dict[str, tuple[int, int]] = {}
    propensities: tuple[float, ...] = (1.0,)


@dataclass(frozen=True)
class FormerNetwork:
    """weights: by the names they were stored by."""

    spec: FormerSpec
    weights: Mapping[str, Values]

    @classmethod
    def of(cls, spec: FormerSpec, arrays: Mapping[str, NDArray[Any]]) -> "FormerNetwork":
        """From what is stored. Raises KeyError or ValueError where spec and weights do not fit."""
        count = arrays["wide.weight"].shape[1]
        if count != len(spec.features):
            raise ValueError(f"weights of {count} features, not {len(spec.features)}")
        names = ("person.weight", "product.weight", "together.weight", "inner.weight", "inner.bias")
        names += ("outer.weight", "wide.weight", "wide.bias")
        return cls(spec, {name: arrays[name].astype(np.float64) for name in names})

    def scores(self, rows: PersonRows) -> Values:
        """Scores of the pairs, [n]."""
        from scipy.special import erf

        x, weights = self._scaled(rows), self.weights
        person = _unit(rows.people) @ weights["person.weight"].T
        product = _unit(rows.items) @ weights["product.weight"].T
        pooled = (person * product) @ weights["together.weight"].T
        inner = np.concatenate([x, pooled], axis=1) @ weights["inner.weight"].T + weights["inner.bias"]
        deep = (0.5 * inner * (1.0 + erf(inner / np.sqrt(2.0)))) @ weights["outer.weight"][0]
        return x @ weights["wide.weight"][0] + weights["wide.bias"] + deep

    def chances(self, scores: Values) -> Values:
        """The chance of a click, once looked at, by the score, [n]."""
        return sigmoid(scores)

    def contributions(self, rows: PersonRows) -> list[tuple[str, float]]:
        """Of one pair: what each feature adds, what the network adds, the constant; together the score."""
        parts, constant = self._scaled(rows)[0] * self.weights["wide.weight"][0], self.weights["wide.bias"][0]
        rest = float(self.scores(rows)[0] - parts.sum() - constant)
        named = sorted(zip(self.spec.features, parts.tolist(), strict=True), key=lambda part: -abs(part[1]))
        return [*named, ("network (person x product)", rest), ("constant", float(constant))]

    def _scaled(self, rows: PersonRows) -> Values:
        scaled = (rows.values - np.asarray(self.spec.mean)) / np.asarray(self.spec.spread)
        return np.clip(np.nan_to_num(scaled, nan=0.0), -_MOST, _MOST)


def _unit(vectors: Matrix) -> Values:
    """Rows of length sqrt(d), zeros as zeros."""
    rows = vectors.astype(np.float64)
    norm = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return rows / norm * rows.shape[1] ** 0.5
