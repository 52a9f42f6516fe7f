"""A linear ranker and trees together: the mean of their scores, each in units of its own spread.

They err on different queries, so the mean errs less than either, most of all where few queries were judged
(stacking with equal weights; Breiman, Stacked regressions, 1996, says why averages are hard to beat).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.cross_fit import CandidateRanker
from mmsearch_dagster.core.ranking.features import Features
from mmsearch_dagster.core.ranking.rankers.lambdamart import LambdaMartParams, train_lambdamart
from mmsearch_dagster.core.ranking.rankers.linear import LinearRanker, train_linear
from mmsearch_dagster.core.ranking.rankers.stored import Arrays, arrays_of_part, arrays_of_parts
from mmsearch_dagster.core.ranking.rankers.trees import TreeEnsemble
from mmsearch_dagster.core.ranking.training_set import TrainingSet

_LINEAR, _TREES, _SPREADS = "linear", "trees", "spreads"


@dataclass(frozen=True)
class EnsembleRanker:
    """score = linear / spreads[0] + trees / spreads[1].

    spreads: standard deviation of each one's scores among the candidates of a query, the mean over the
    training queries, float64 [2].
    """

    linear: LinearRanker
    trees: TreeEnsemble
    spreads: NDArray[np.float64]

    def predict(self, features: Features) -> NDArray[np.float64]:
        """Scores of each row.

        Args:
            features: float32 [n, f], NaN where a value is missing.

        Returns:
            float64 [n].
        """
        linear, trees = (ranker.predict(features) for ranker in (self.linear, self.trees))
        return linear / self.spreads[0] + trees / self.spreads[1]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name -> array, for a safetensors file."""
        return {**arrays_of_parts(linear=self.linear, trees=self.trees), _SPREADS: self.spreads}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "EnsembleRanker":
        """The inverse of `arrays`. Raises KeyError for a damaged file."""
        return cls(
            LinearRanker.from_arrays(arrays_of_part(arrays, _LINEAR)),
            TreeEnsemble.from_arrays(arrays_of_part(arrays, _TREES)),
            arrays[_SPREADS],
        )


def train_ensemble(training: TrainingSet, params: LambdaMartParams = LambdaMartParams()) -> EnsembleRanker:
    """Both rankers, learned from the same queries; the same bits for the same input and seed."""
    linear, trees = train_linear(training), train_lambdamart(training, params)
    return EnsembleRanker(linear, trees, np.array([_spread(ranker, training) for ranker in (linear, trees)]))


def _spread(ranker: CandidateRanker, training: TrainingSet) -> float:
    """Never 0: a ranker that scores all alike is not divided."""
    scores = ranker.predict(training.features)
    deviations = [scores[span].std() for _, span in training.spans() if span.stop > span.start]
    return float(np.mean(deviations or [0.0])) or 1.0
