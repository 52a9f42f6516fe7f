"""Judged queries, and the rankings of every retriever on them: how good is what would be released."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mmsearch_dagster.core.labels.provenance import Provenance
from mmsearch_dagster.core.metrics.ranking import by_query, per_query
from mmsearch_dagster.core.modalities import (
    AUDIO,
    IMAGE,
    MODALITIES,
    TEXT,
    VIDEO,
    Matrix,
    ModalityBatch,
    mean_frames,
)
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.nearest import ProductVectors
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.rank_fusion import (
    RETRIEVERS,
    TYPED_RETRIEVER,
    VECTOR_RETRIEVER,
    fuse,
    retriever_weights,
)
from mmsearch_dagster.core.retrieval.variant_groups import VariantGroups
from mmsearch_dagster.core.understanding.understood import Understood

if TYPE_CHECKING:
    from mmsearch_dagster.core.fusion.model import TwoTower

Rankings = dict[str, list[str]]
# Query id -> its products with their scores, best first.
ScoredRankings = dict[str, list[tuple[str, float]]]
# Retriever -> what it finds for each query of a model, as the engine's own retrievers give it.
# Without a model, all but the fused vector.
RetrieverLists = Callable[["TwoTower | None", "JudgedQueries"], dict[str, ScoredRankings]]

METRIC = "ndcg@10"


@dataclass(frozen=True)
class JudgedQueries:
    """A set of queries with graded products, row for row.

    texts: the words, typed and spoken, None where there are none. provenance: how we know their answers.
    grades: query id -> product id -> grade 1-3; unknown products are left out.
    kinds: query id -> what the person gave (retrieval.rank_fusion.query_kind), as the engine names it.
    confidence: query id -> the recogniser's confidence, where words were spoken.
    typed: query id -> the typed words alone, where there are spoken ones too.
    understood: query id -> what the words say beside their text: further words, filters, named products.
    """

    batch: ModalityBatch
    texts: tuple[str | None, ...]
    provenance: tuple[Provenance, ...]
    grades: Mapping[str, Mapping[str, int]]
    kinds: Mapping[str, str]
    confidence: Mapping[str, float] = field(default_factory=dict[str, float])
    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    understood: Mapping[str, Understood] = field(default_factory=dict[str, Understood])

    def take(self, rows: Sequence[int]) -> "JudgedQueries":
        """Some of the queries.

        Args:
            rows: row numbers, [k].
        """
        keys = {self.batch.ids[row] for row in rows}
        return JudgedQueries(
            batch=self.batch.take(np.array(rows, dtype=np.int64)),
            texts=tuple(self.texts[row] for row in rows),
            provenance=tuple(self.provenance[row] for row in rows),
            grades={key: graded for key, graded in self.grades.items() if key in keys},
            kinds={key: kind for key, kind in self.kinds.items() if key in keys},
            confidence={key: sure for key, sure in self.confidence.items() if key in keys},
            typed={key: words for key, words in self.typed.items() if key in keys},
            understood={key: read for key, read in self.understood.items() if key in keys},
        )

    def by_product(self, groups: VariantGroups) -> "JudgedQueries":
        """The queries with the grades of products instead of their variants.

        Args:
            groups: which products are variants of one.
        """
        return replace(self, grades={key: groups.grades(graded) for key, graded in self.grades.items()})

    def of_provenance(self, provenance: Provenance) -> "JudgedQueries":
        """Those whose answers are known in one way, in their order."""
        return self.take([row for row, name in enumerate(self.provenance) if name == provenance])

    def prepared(self, *, fused: bool = True) -> list[PreparedQuery]:
        """The queries as the engine prepares them, every retriever weighing 1.

        Their vectors are not repeated in them: they are the rows of `batch`. fused: whether the fused vector
        is a retriever too.
        """
        names = [name for name in (*RETRIEVERS, TYPED_RETRIEVER) if fused or name != VECTOR_RETRIEVER]
        everything = dict.fromkeys(names, 1.0)
        words_alone = {name: 1.0 for name in everything if name != TYPED_RETRIEVER}
        return [
            PreparedQuery(
                text=text,
                image=None,
                kind=self.kinds[key],
                weights=everything if key in self.typed else words_alone,
                typed=self.typed.get(key),
                understood=self.understood.get(key),
            )
            for key, text in zip(self.batch.ids, self.texts, strict=True)
        ]


def rankings_of(lists: Mapping[str, ScoredRankings]) -> dict[str, Rankings]:
    """Retriever -> query id -> product ids, without the scores."""
    return {
        name: {key: [product for product, _ in entries] for key, entries in found.items()}
        for name, found in lists.items()
    }


def of_products(rankings: Rankings, groups: VariantGroups) -> Rankings:
    """Rankings of products instead of variants: what a person is shown, each product once."""
    return {key: groups.ranking(found) for key, found in rankings.items()} if groups else rankings


def by_vector(
    queries: Matrix, items: Matrix, ids: tuple[Sequence[str], Sequence[str]], depth: int
) -> Rankings:
    """Exact search, with the scores of the index.

    Args:
        queries: [q, d]; a row of zeros gets an empty ranking.
        items: [n, d]; a row of zeros is in no ranking.
        ids: query ids [q] and item ids [n].
        depth: length of a ranking.

    Returns:
        Query id -> item ids, best first.
    """
    query_ids, item_ids = ids
    answers = ProductVectors.of(item_ids, items).nearest(queries, depth)
    return {key: [item for item, _ in hits] for key, hits in zip(query_ids, answers, strict=True)}


def by_encoder(modality: str, queries: ModalityBatch, items: ModalityBatch, depth: int) -> Rankings:
    """The untrained encoder alone: cosine of its query vectors with its item vectors."""
    if modality not in queries.vectors or modality not in items.vectors:
        return {key: [] for key in queries.ids}
    vectors = items.vectors[modality] * items.present[modality][:, None]
    query_vectors = queries.vectors[modality] * queries.present[modality][:, None]
    return by_vector(query_vectors, vectors, (queries.ids, items.ids), depth)


def _any_has(modality: str, queries: ModalityBatch) -> bool:
    return modality in queries.vectors and bool(queries.present[modality].any())


def _by_frames(queries: ModalityBatch, items: ModalityBatch, depth: int) -> Rankings:
    """A photo against the mean frame of each video, where one encoder reads both."""
    width = queries.vectors[IMAGE].shape[1]
    if items.vectors[VIDEO].shape[1] % width:
        return {key: [] for key in queries.ids}
    shown = mean_frames(items.vectors[VIDEO], items.vectors[VIDEO].shape[1] // width)
    videos = ModalityBatch(items.ids, {IMAGE: shown}, {IMAGE: items.present[VIDEO]})
    return by_encoder(IMAGE, queries, videos, depth)


def by_model(model: "TwoTower", queries: ModalityBatch, items: ModalityBatch, depth: int) -> Rankings:
    """The fused vectors alone."""
    return by_vector(model.queries(queries), model.items(items), (queries.ids, items.ids), depth)


def score(
    rankings: Mapping[str, Sequence[str]], grades: Mapping[str, Mapping[str, int]], metric: str = METRIC
) -> dict[str, float]:
    """Query id -> value of one metric."""
    return by_query(per_query(rankings, grades, metrics=[metric]), metric)


def single_retriever(modality: str) -> str:
    """The name of a modality's encoder as a single retriever, in tables."""
    return f"{modality} only"


BM25 = "bm25"
# What the engine and the fused vector must beat.
SINGLE_RETRIEVERS = frozenset({BM25, *map(single_retriever, MODALITIES)})


def single_retriever_rankings(
    queries: JudgedQueries, items: ModalityBatch, lexical: Rankings, depth: int
) -> dict[str, Rankings]:
    """Each retriever that needs no training: the encoders one by one, and full-text search."""
    retrievers = {
        single_retriever(modality): by_encoder(modality, queries.batch, items, depth)
        for modality in (TEXT, IMAGE, AUDIO)
        if modality in items.vectors and _any_has(modality, queries.batch)
    }
    if VIDEO in items.vectors and _any_has(IMAGE, queries.batch):
        retrievers[single_retriever(VIDEO)] = _by_frames(queries.batch, items, depth)
    # In a shop or a set of queries without words it is no rival.
    return {**retrievers, BM25: lexical} if any(lexical.values()) else retrievers


def blend(
    retrievers: Mapping[str, Rankings],
    queries: JudgedQueries,
    weights: Mapping[str, Mapping[str, float]],
    *,
    rrf_k: int = RetrievalParams().rrf_k,
) -> Rankings:
    """What the engine answers: all retrievers with a weight, combined by weighted reciprocal rank.

    Args:
        retrievers: retriever -> rankings of some of `queries`.
        queries: kinds, and confidence of transcripts.
        weights: as rank_fusion.retriever_weights reads them.
        rrf_k: constant of reciprocal rank fusion.

    Returns:
        Query id -> product ids, best first.
    """
    blended: Rankings = {}
    for key in retrievers[VECTOR_RETRIEVER]:
        weight_of = retriever_weights(queries.kinds[key], weights, queries.confidence.get(key, 1.0))
        rankings = {name: lists[key] for name, lists in retrievers.items() if weight_of.get(name, 0.0) > 0.0}
        blended[key] = [product for product, _ in fuse(rankings, weight_of, rrf_k)]
    return blended
