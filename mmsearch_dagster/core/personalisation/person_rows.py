"""What a ranker for a known person reads, and what every such ranker does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix

Values = NDArray[np.float64]


@dataclass(frozen=True)
class PersonRows:
    """`n` pairs of person and product. values: float64 [n, f], NaN where unknown; people, items: float32
    [n, d], zeros where unknown, which only the network of former releases reads."""

    values: Values
    people: Matrix
    items: Matrix


class PersonRanker(Protocol):
    """Orders what a known person is shown.

    features: columns of `values` (core.personalisation.features). blocks: modality -> its columns in the
    vectors. propensities: of the positions, from the log.
    """

    @property
    def features(self) -> tuple[str, ...]: ...

    @property
    def blocks(self) -> Mapping[str, tuple[int, int]]: ...

    @property
    def propensities(self) -> tuple[float, ...]: ...

    def scores(self, rows: PersonRows) -> Values:
        """Scores of the pairs, [n]."""
        ...

    def chances(self, scores: Values) -> Values:
        """The chance of a click, once looked at, by the score, [n]."""
        ...

    def contributions(self, rows: PersonRows) -> list[tuple[str, float]]:
        """Of one pair: what each part adds to its score, the features first, largest first."""
        ...


def sigmoid(x: Values) -> Values:
    """1 / (1 + exp(-x)), without overflow.

    Args:
        x: log odds.

    Returns:
        Chances.
    """
    return 0.5 * (1.0 + np.tanh(0.5 * x))
