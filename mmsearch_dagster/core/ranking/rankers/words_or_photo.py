"""One ranker for queries with words and another one for photos alone: what a feature means differs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.cross_fit import Trainer
from mmsearch_dagster.core.ranking.features import COLUMN, Features
from mmsearch_dagster.core.ranking.rankers.stored import Arrays, StoredRanker, arrays_of_part, arrays_of_parts
from mmsearch_dagster.core.ranking.training_set import TrainingSet

# With fewer queries of one sort, one ranker learns from all.
_FEWEST = 20
_WORDS, _PHOTOS, _COLUMN = "words", "photos", "column"


@dataclass(frozen=True)
class ApartRanker:
    """words, photos: the two rankers. column: the feature that is missing in a query without words."""

    words: StoredRanker
    photos: StoredRanker
    column: int

    def predict(self, features: Features) -> NDArray[np.float64]:
        """Scores of each row by the ranker for its query.

        Args:
            features: float32 [n, f].

        Returns:
            float64 [n].
        """
        without = np.isnan(features[:, self.column])
        scores = np.empty(len(features))
        for ranker, rows in ((self.words, ~without), (self.photos, without)):
            if rows.any():
                scores[rows] = ranker.predict(features[rows])
        return scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name -> array, for a safetensors file."""
        parts = arrays_of_parts(words=self.words, photos=self.photos)
        return {**parts, _COLUMN: np.array([self.column])}


def from_arrays(kind: type[StoredRanker], arrays: Arrays) -> "StoredRanker | ApartRanker":
    """The ranker, or the two, that these arrays were made of. Raises KeyError for a damaged file."""
    if _COLUMN not in arrays:
        return kind.from_arrays(arrays)
    words, photos = (kind.from_arrays(arrays_of_part(arrays, part)) for part in (_WORDS, _PHOTOS))
    return ApartRanker(words, photos, int(arrays[_COLUMN][0]))


def trained_apart(train: Callable[[TrainingSet], StoredRanker]) -> Trainer:
    """What trains one ranker for queries with words and one for the others, where both are many enough."""

    def both(training: TrainingSet) -> StoredRanker | ApartRanker:
        column = COLUMN["query_words"]
        without = {
            query_id for query_id, span in training.spans() if np.isnan(training.features[span, column]).all()
        }
        others = [query_id for query_id in training.query_ids if query_id not in without]
        if min(len(without), len(others)) < _FEWEST:
            return train(training)
        return ApartRanker(train(training.part(others)), train(training.part(sorted(without))), column)

    return both
