"""The order of the candidates that the retrievers bring for one query; the shop's rules come after it.

Search and the offline evaluation both call it, so what is measured is what is served.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mmsearch_dagster.core.memories.query_lift import lifted
from mmsearch_dagster.core.modality_names import IMAGE
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.rank_fusion import (
    BY_RANKS,
    LEARNED,
    QUERY_MEMORY,
    SCORED_RETRIEVERS,
    fuse,
)
from mmsearch_dagster.core.retrieval.score_fusion import ScoredList, fuse_scores

if TYPE_CHECKING:
    from mmsearch_dagster.core.ranking.features import RankedCandidates, RankedQuery, RankerInput
    from mmsearch_dagster.core.ranking.item_table import ItemTable
    from mmsearch_dagster.core.ranking.rankers.stage import FeatureEffect, RankingStage

# The ranker learns from this many of each list, and reads as many.
RANKED_DEPTH = 100

IsEnough = Callable[[Sequence[tuple[str, float]]], bool]


class ItemSource(Protocol):
    """Where the words of products come from."""

    def of(self, product_ids: Sequence[str]) -> "ItemTable":
        """The terms of at least these products."""
        ...


@dataclass(frozen=True)
class CandidateOrder:
    """How one release orders candidates.

    rrf_k: constant of reciprocal rank fusion. stage: None in a release without a learned ranking.
    """

    rrf_k: int
    stage: "RankingStage | None"

    def order(
        self,
        query: PreparedQuery,
        lists: Mapping[str, ScoredList],
        items: ItemSource,
        is_enough: IsEnough = lambda ranked: False,
    ) -> list[tuple[str, float]]:
        """The products of the lists, best first.

        Args:
            query: says by what its candidates are ordered.
            lists: retriever -> (product id, score), best first.
            items: asked for the candidates' words where the order is learned.
            is_enough: whether what the ranker read will do; else, and by default, what lies deeper in the
                lists follows it.
        """
        chosen_before = lists.get(QUERY_MEMORY, ())
        others = {name: entries for name, entries in lists.items() if entries and name != QUERY_MEMORY}
        ranked = self._ordered(query, others, items, is_enough)
        return lifted(ranked, chosen_before, query.weights.get(QUERY_MEMORY, 0.0))

    def _ordered(
        self,
        query: PreparedQuery,
        lists: Mapping[str, ScoredList],
        items: ItemSource,
        is_enough: IsEnough,
    ) -> list[tuple[str, float]]:
        """The order before what people chose after the same words is raised; none of the lists is empty."""
        if query.order == BY_RANKS:
            rankings = {name: [product for product, _ in entries] for name, entries in lists.items()}
            return fuse(rankings, query.weights, self.rrf_k)
        scored = {name: entries for name, entries in lists.items() if name in SCORED_RETRIEVERS}
        if query.order == LEARNED and self.stage is not None:
            return self._learned(self.stage, query, scored, items, is_enough)
        weighed = {name: entries for name, entries in scored.items() if query.weights.get(name)}
        return by_scores(ranked_query(query), weighed, items)

    @staticmethod
    def for_person(query: PreparedQuery, ranked: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
        """What `order` brings, in the order for the person who searches; as it is where nobody is known.

        Equal scores stay in the order for everybody. Products that the release knows nothing of as the person
        sees them come last, as they came.

        Args:
            query: with the person.
            ranked: (product id, score), best first.
        """
        if query.person is None or not ranked:
            return list(ranked)
        scores = np.round(query.person.scores(query, [product for product, _ in ranked]), 6)
        order = np.argsort(-scores, kind="stable").tolist()  # NaN goes last
        return [
            ranked[row] if np.isnan(scores[row]) else (ranked[row][0], float(scores[row])) for row in order
        ]

    def effects(
        self, query: PreparedQuery, lists: Mapping[str, ScoredList], items: ItemSource, product: str
    ) -> "list[FeatureEffect]":
        """What each feature does for a product; nothing where the order is not learned."""
        if query.order != LEARNED or self.stage is None:
            return []
        return self.stage.effects(ranked_query(query), ranker_input(lists, items), product)

    def ranked(
        self, query: PreparedQuery, lists: Mapping[str, ScoredList], items: ItemSource
    ) -> "RankedCandidates | None":
        """What the ranker reads for a query; None where the order is not learned."""
        if query.order != LEARNED or self.stage is None:
            return None
        return self.stage.candidates(ranked_query(query), ranker_input(lists, items))

    def _learned(
        self,
        stage: "RankingStage",
        query: PreparedQuery,
        lists: Mapping[str, ScoredList],
        items: ItemSource,
        is_enough: IsEnough,
    ) -> list[tuple[str, float]]:
        """What the ranker reads first, then what lies deeper in the lists, by its fused scores."""
        ranked = stage.order(ranked_query(query), ranker_input(lists, items))
        if is_enough(ranked):
            return ranked
        score_of = dict(ranked)
        lowest = min(score_of.values(), default=0.0)
        deeper = [(product, score) for product, score in fuse_scores(lists) if product not in score_of]
        return ranked + [(product, lowest - 1.0 + score) for product, score in deeper]


def by_scores(
    query: "RankedQuery", lists: Mapping[str, ScoredList], items: ItemSource
) -> list[tuple[str, float]]:
    """The fused scores of the lists, and a share for what the query prefers: nothing here is learned.

    Beside a photo preferences have none: the photo says what the product is, and many others have its
    new colour.

    Args:
        query: of `ranked_query`.
        lists: retriever -> (product id, score), best first.
        items: asked for what the candidates state, where the query prefers something.

    Returns:
        Every product, best first, ties by id.
    """
    from mmsearch_dagster.core.ranking.preferences import PREFERENCE_SHARE, preference_scores

    fused = fuse_scores(lists)
    if not query.preferred or not fused or lists.get(IMAGE):
        return fused
    terms = items.of([product for product, _ in fused])
    fits = preference_scores(query.preferred, [terms[product].stated for product, _ in fused])
    mixed = [
        (product, round((1.0 - PREFERENCE_SHARE) * score + PREFERENCE_SHARE * float(fit), 9))
        for (product, score), fit in zip(fused, fits, strict=True)
    ]
    return sorted(mixed, key=lambda pair: (-pair[1], pair[0]))


def ranked_query(query: PreparedQuery) -> "RankedQuery":
    """The query as the ranker reads it."""
    from mmsearch_dagster.core.ranking.features import RankedQuery

    return RankedQuery.of(query.text, query.understood.parts if query.understood else ())


def ranker_input(lists: Mapping[str, ScoredList], items: ItemSource) -> "RankerInput":
    """The top of the lists, as the ranker learns from and reads it, and the terms of the products in it.

    Args:
        lists: retriever -> (product id, score), best first.
        items: asked for these products alone.
    """
    from mmsearch_dagster.core.ranking.features import RankerInput, candidates_of

    top = {
        name: entries[:RANKED_DEPTH]
        for name, entries in lists.items()
        if entries and name in SCORED_RETRIEVERS
    }
    ids = candidates_of(top)
    return RankerInput(top, ids, items.of(ids))
