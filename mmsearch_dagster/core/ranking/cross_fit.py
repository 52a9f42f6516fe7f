"""Cross-fitting of a ranker: measured on queries that it did not learn from, every judged query used once.

The queries are cut into folds; a ranker is trained on all folds but one and ranks that one. Queries that are
nearly the same share a fold, so that none is answered by its twin.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.features import Features
from mmsearch_dagster.core.ranking.training_set import TrainingSet
from mmsearch_dagster.core.text.terms import read_terms

# Share of common words (Jaccard) from which two queries count as nearly the same.
_NEARLY_THE_SAME = 0.8


class CandidateRanker(Protocol):
    """Scores candidates; larger is better."""

    def predict(self, features: Features) -> NDArray[np.float64]:
        """float64 [n] for float32 [n, f]."""
        ...


Trainer = Callable[[TrainingSet], CandidateRanker]


def folds_of(texts: Mapping[str, str | None], *, folds: int = 5, seed: int = 7) -> dict[str, int]:
    """Query id -> its fold, 0 to folds - 1; nearly equal texts share one, queries without words stand alone.

    Args:
        texts: query id -> its words.
        folds: how many; groups are dealt out by size, the largest first, to the smallest fold.
        seed: of the order among groups of one size.
    """
    groups = near_equal_groups(texts)
    order = np.random.default_rng(seed).permutation(len(groups))
    shuffled = sorted((groups[number] for number in order), key=len, reverse=True)
    sizes = [0] * folds
    fold_of: dict[str, int] = {}
    for group in shuffled:
        smallest = sizes.index(min(sizes))
        sizes[smallest] += len(group)
        fold_of.update(dict.fromkeys(group, smallest))
    return {query_id: fold_of[query_id] for query_id in texts}


def near_equal_groups(texts: Mapping[str, str | None]) -> list[list[str]]:
    """Query ids joined through chains of nearly equal texts."""
    vocabularies = {query_id: read_terms(text).vocabulary for query_id, text in texts.items()}
    leader = {query_id: query_id for query_id in texts}

    def find(query_id: str) -> str:
        while leader[query_id] != query_id:
            leader[query_id] = leader[leader[query_id]]
            query_id = leader[query_id]
        return query_id

    by_word: dict[str, list[str]] = {}
    for query_id, words in vocabularies.items():
        near = {other for word in words for other in by_word.get(word, ())}
        for other in near:
            union = len(words | vocabularies[other])
            if len(words & vocabularies[other]) >= _NEARLY_THE_SAME * union:
                leader[find(query_id)] = find(other)
        for word in words:
            by_word.setdefault(word, []).append(query_id)
    groups: dict[str, list[str]] = {}
    for query_id in texts:
        groups.setdefault(find(query_id), []).append(query_id)
    return list(groups.values())


def out_of_fold_scores(
    training: TrainingSet, fold_of: Mapping[str, int], train: Trainer
) -> NDArray[np.float64]:
    """Scores every row by a ranker that was not trained on any query of its fold.

    Args:
        training: `n` rows.
        fold_of: query id -> fold.
        train: trains a ranker.

    Returns:
        float64 [n].
    """
    scores = np.zeros(len(training.product_ids))
    numbers: Sequence[int] = sorted(set(fold_of.values()))
    for number in numbers:
        others = [query_id for query_id in training.query_ids if fold_of[query_id] != number]
        ranker = train(training.part(others))
        for query_id, span in training.spans():
            if fold_of[query_id] == number:
                scores[span] = ranker.predict(training.features[span])
    return scores
