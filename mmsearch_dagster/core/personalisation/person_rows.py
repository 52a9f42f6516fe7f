"""What a ranker for a known person reads, and what every such ranker does."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mmsearch_dagster.core.modalities import Matrix

Values = NDArray[np.float64]


@dataclass(frozen=True)
class PersonRows:
    """`n` pairs of person and product. values: float64 [n, f], NaN where unknown; people, items: float32
    [n, d], zeros where unknown, which only the network of former releases reads."""

    values: Values
    people: Matrix
    items: Matrix


class PersonColumns(BaseModel):
    """What every such ranker stores beside its weights.

    features: columns of `PersonRows.values` (core.personalisation.features). blocks: modality -> its columns
    in the vectors. propensities: of the positions, from the log.
    """

    model_config = ConfigDict(frozen=True)

    features: tuple[str, ...]
    blocks: dict[str, tuple[int, int]]
    propensities: tuple[float, ...]


class PersonRanker(Protocol):
    """Orders what a known person is shown."""

    @property
    def spec(self) -> PersonColumns: ...

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
