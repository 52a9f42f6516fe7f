"""The retrievers of the engine: each ranks the queries that give it a weight.

The offline evaluation calls them too, on a catalogue in memory instead of a published index, so what is
measured is what is served.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mmsearch_dagster.adapters.index.table import Hit
from mmsearch_dagster.core.fusion.weighted_query import weighted_queries
from mmsearch_dagster.core.modalities import IMAGE, Matrix, ModalityBatch
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.rank_fusion import (
    LEXICAL_RETRIEVER,
    PHOTO_MEMORY,
    QUERY_MEMORY,
    TYPED_RETRIEVER,
    VECTOR,
    VECTOR_RETRIEVER,
    modality_column,
)
from mmsearch_dagster.serving.memories.photo_retriever import PhotoRetriever
from mmsearch_dagster.serving.memories.query_retriever import QueryRetriever

if TYPE_CHECKING:
    from mmsearch_dagster.core.fusion.config import FusionSpec

# For the retrievers of all queries together; more than cores, for some of them wait.
_THREADS = 8
# Per query, retriever -> its products with their scores, best first.
ScoredLists = list[dict[str, Sequence[tuple[str, float]]]]


class QueryTower(Protocol):
    """What the engine asks of a fusion model."""

    spec: "FusionSpec"

    def items(self, batch: ModalityBatch) -> Matrix:
        """Unit item vectors, float32 [n, width]; zero rows where nothing is present."""
        ...

    def queries(self, batch: ModalityBatch) -> Matrix:
        """Unit query vectors, float32 [n, width]; zero rows where nothing is present."""
        ...


class SearchedTable(Protocol):
    """A catalogue as the retrievers search it: a version of the index, or vectors in memory."""

    def has_vectors(self, column: str) -> bool:
        """Whether there is such a vector column."""
        ...

    def nearest_batch(
        self, vectors: Matrix, k: int, *, where: str | None = None, column: str = VECTOR
    ) -> Sequence[Sequence[Hit]]:
        """Per row of `vectors` [q, width] the `k` best products by cosine, best first."""
        ...

    def lexical_batch(
        self, texts: Sequence[str], k: int, *, where: str | None = None
    ) -> Sequence[Sequence[Hit]]:
        """Per text the `k` best products by BM25, best first."""
        ...


def retrieve(
    table: SearchedTable,
    model: QueryTower | None,
    queries: Sequence[PreparedQuery],
    batch: ModalityBatch,
    *,
    depth: int,
    where: str | None,
    photos: PhotoRetriever | None = None,
    past: QueryRetriever | None = None,
    side_by_side: bool = True,
) -> ScoredLists:
    """Per query, retriever -> its `depth` best products; a retriever without a weight is left out.

    Args:
        table: what is searched.
        model: makes the fused vectors; None where no query gives them a weight.
        queries: `q` prepared queries.
        batch: their vectors, row for row.
        depth: products per retriever.
        where: SQL of `core.retrieval.filters.language.to_where`.
        photos: judged photos as further keys; None in a release without them.
        past: past queries as further keys; likewise.
        side_by_side: each retriever in a thread of its own. Where all answer from memory within a
            millisecond or two and other searches want the cores, threads cost more than they bring.
    """
    searches = [
        _full_text(table, queries, depth, where),
        _fused(table, model, queries, batch, depth=depth, where=where),
        _encoded(table, queries, batch, depth, where),
        _photos(photos, queries, batch, depth, where),
    ]
    lists: ScoredLists = [{} for _ in queries]
    each = [search for part in searches for search in part]
    for found in _side_by_side(each) if side_by_side else [search() for search in each]:
        for row, ranked in zip(found.rows, found.hits, strict=True):
            lists[row][found.retriever] = list(ranked)
    if past is not None:
        for row in _weighted(queries, QUERY_MEMORY):
            if chosen := past.chosen(queries[row], where):
                lists[row][QUERY_MEMORY] = chosen
    return lists


@dataclass(frozen=True)
class _Found:
    """What a retriever found for the queries at `rows`."""

    retriever: str
    rows: Sequence[int]
    hits: Sequence[Sequence[Hit]]


_Search = Callable[[], _Found]


def _side_by_side(searches: Sequence[_Search]) -> list[_Found]:
    """In the order of `searches`; the last one is done by the caller. What waits for LanceDB or multiplies
    matrices holds no lock."""
    others = [_pool().submit(search) for search in searches[:-1]]
    last = [search() for search in searches[-1:]]
    return [*(other.result() for other in others), *last]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="retriever")


def _full_text(
    table: SearchedTable, queries: Sequence[PreparedQuery], depth: int, where: str | None
) -> Iterator[_Search]:
    for name, texts in (
        (LEXICAL_RETRIEVER, [query.full_text for query in queries]),
        (TYPED_RETRIEVER, [query.typed for query in queries]),
    ):
        words = {row: text for row in _weighted(queries, name) if (text := texts[row])}
        if words:
            yield lambda name=name, words=words: _Found(
                name, list(words), table.lexical_batch(list(words.values()), depth, where=where)
            )


def _fused(
    table: SearchedTable,
    model: QueryTower | None,
    queries: Sequence[PreparedQuery],
    batch: ModalityBatch,
    *,
    depth: int,
    where: str | None,
) -> Iterator[_Search]:
    readable = np.zeros(len(queries), dtype=bool)
    for mask in batch.present.values():
        readable |= mask
    rows = [row for row in _weighted(queries, VECTOR_RETRIEVER) if readable[row]]
    if not rows or model is None:
        return
    tower = model

    def search() -> _Found:
        vectors = fused_queries(tower, [queries[row] for row in rows], batch.take(rows))
        return _Found(VECTOR_RETRIEVER, rows, table.nearest_batch(vectors, depth, where=where))

    yield search


def _encoded(
    table: SearchedTable,
    queries: Sequence[PreparedQuery],
    batch: ModalityBatch,
    depth: int,
    where: str | None,
) -> Iterator[_Search]:
    for name, vectors in batch.vectors.items():
        column = modality_column(name)
        rows = [row for row in _weighted(queries, name) if batch.present[name][row]]
        if rows and table.has_vectors(column):
            yield lambda name=name, rows=rows, vectors=vectors[rows], column=column: _Found(
                name, rows, table.nearest_batch(vectors, depth, where=where, column=column)
            )


def _photos(
    photos: PhotoRetriever | None,
    queries: Sequence[PreparedQuery],
    batch: ModalityBatch,
    depth: int,
    where: str | None,
) -> Iterator[_Search]:
    rows = [row for row in _weighted(queries, PHOTO_MEMORY) if _has_photo(batch, row)]
    if rows and photos is not None:
        with_photo = [queries[row] for row in rows]
        yield lambda: _Found(
            PHOTO_MEMORY,
            rows,
            photos.nearest_batch(with_photo, batch.take(rows), depth=depth, where=where),
        )


def _has_photo(batch: ModalityBatch, row: int) -> bool:
    return IMAGE in batch.present and bool(batch.present[IMAGE][row])


def fused_queries(model: QueryTower, queries: Sequence[PreparedQuery], batch: ModalityBatch) -> Matrix:
    """The vectors that the fused retriever searches with, weighted as each request says.

    Args:
        model: encodes queries.
        queries: `n` prepared queries.
        batch: their vectors per modality.

    Returns:
        float32 [n, width].
    """
    return weighted_queries(model.queries, batch, [query.modality_weights for query in queries])


def _weighted(queries: Sequence[PreparedQuery], retriever: str) -> list[int]:
    return [row for row, query in enumerate(queries) if query.weights.get(retriever, 0.0) > 0]
