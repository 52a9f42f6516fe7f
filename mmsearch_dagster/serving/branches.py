"""The branches of the engine: each ranks the queries that give it a weight."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mmsearch_dagster.adapters.index.table import Hit, PinnedTable
from mmsearch_dagster.core.fusion.weighted_query import weighted_queries
from mmsearch_dagster.core.modalities import Matrix, ModalityBatch
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.rank_fusion import (
    LEXICAL_BRANCH,
    TYPED_BRANCH,
    VECTOR_BRANCH,
    modality_column,
)

if TYPE_CHECKING:
    from mmsearch_dagster.core.fusion.config import FusionSpec

Rankings = list[dict[str, list[str]]]


class QueryTower(Protocol):
    """What the engine asks of a fusion model."""

    spec: "FusionSpec"

    def items(self, batch: ModalityBatch) -> Matrix:
        """Unit item vectors, float32 [n, width]; zero rows where nothing is present."""
        ...

    def queries(self, batch: ModalityBatch) -> Matrix:
        """Unit query vectors, float32 [n, width]; zero rows where nothing is present."""
        ...


def rank(
    table: PinnedTable,
    model: QueryTower,
    queries: Sequence[PreparedQuery],
    batch: ModalityBatch,
    *,
    depth: int,
    where: str | None,
) -> Rankings:
    """Per query, branch -> its `depth` best product ids; a branch without a weight is not asked.

    batch: the queries' vectors, row for row. where: SQL from `core.filters.to_where`.
    """
    rankings: Rankings = [{} for _ in queries]
    readable = np.zeros(len(queries), dtype=bool)
    for mask in batch.present.values():
        readable |= mask
    rows = [row for row in _weighing(queries, VECTOR_BRANCH) if readable[row]]
    if rows:
        vectors = fused_queries(model, [queries[row] for row in rows], batch.take(rows))
        _note(rankings, VECTOR_BRANCH, rows, table.nearest_batch(vectors, depth, where=where))
    for name, texts in (
        (LEXICAL_BRANCH, [query.text for query in queries]),
        (TYPED_BRANCH, [query.typed for query in queries]),
    ):
        words = {row: text for row in _weighing(queries, name) if (text := texts[row])}
        hits = table.lexical_batch(list(words.values()), depth, where=where)
        _note(rankings, name, list(words), hits)
    for name, vectors in batch.vectors.items():
        column = modality_column(name)
        rows = [row for row in _weighing(queries, name) if batch.present[name][row]]
        if rows and column in table.vector_columns:
            hits = table.nearest_batch(vectors[rows], depth, where=where, column=column)
            _note(rankings, name, rows, hits)
    return rankings


def fused_queries(model: QueryTower, queries: Sequence[PreparedQuery], batch: ModalityBatch) -> Matrix:
    """The vectors that the fused branch searches with, float32 [n, width]: each as its request weighs it."""
    return weighted_queries(model.queries, batch, [query.modality_weights for query in queries])


def _weighing(queries: Sequence[PreparedQuery], branch: str) -> list[int]:
    return [row for row, query in enumerate(queries) if query.weights.get(branch, 0.0) > 0]


def _note(
    rankings: Rankings, branch: str, rows: Sequence[int], hits_of_rows: Sequence[Sequence[Hit]]
) -> None:
    for row, hits in zip(rows, hits_of_rows, strict=True):
        rankings[row][branch] = [hit.product_id for hit in hits]
