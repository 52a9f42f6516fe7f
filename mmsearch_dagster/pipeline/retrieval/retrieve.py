"""The serving retrievers run over a catalogue in memory, so that what is measured is what is served."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from mmsearch_dagster.adapters.index.table import Hit, PinnedTable
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.evaluation.comparison import DEPTH
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, RetrieverLists, ScoredRankings
from mmsearch_dagster.core.memories.query_memory import QueryMemory
from mmsearch_dagster.core.modalities import Matrix, ModalityBatch
from mmsearch_dagster.core.retrieval.nearest import ProductVectors
from mmsearch_dagster.core.retrieval.rank_fusion import RETRIEVERS, TYPED_RETRIEVER, VECTOR, modality_column
from mmsearch_dagster.core.text.full_text import FULL_TEXT
from mmsearch_dagster.core.understanding.fitting_bounds import bounds_that_fit
from mmsearch_dagster.pipeline.memories.photo_memory import MeasuredPhotos
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.serving.memories.photo_retriever import PhotoRetriever
from mmsearch_dagster.serving.memories.query_retriever import QueryRetriever
from mmsearch_dagster.serving.retrievers import QueryTower, ScoredLists, retrieve


def words_table(workspace: Workspace, products: Snapshot) -> PinnedTable:
    """An index of the words of these products alone, as a release has it; made once per catalogue."""
    from mmsearch_dagster.adapters.index.index import SearchIndex
    from mmsearch_dagster.pipeline.features.index_rows import index_rows

    index = SearchIndex(str(workspace.paths.home / "evaluation_index"))
    pin = index.publish(
        "words", f"{products.digest}-{FULL_TEXT}", index_rows(products.table()), vector_column=None
    )
    return index.open(pin.table, pin.tag)


class CatalogueInMemory:
    """Vectors in memory and a table of words, searched as a published index is."""

    def __init__(self, words: PinnedTable, items: ModalityBatch, fused: Matrix) -> None:
        """items: [n] rows, several of a product where it has several images. fused: float32 [n, d]."""
        self._words, self._items, self._fused = words, items, fused

    def has_vectors(self, column: str) -> bool:
        """Whether there is such a vector column."""
        return column in (VECTOR, *map(modality_column, self._items.vectors))

    @cached_property
    def _vectors(self) -> dict[str, ProductVectors]:
        return {}

    def nearest_batch(
        self, vectors: Matrix, k: int, *, where: str | None = None, column: str = VECTOR
    ) -> list[list[Hit]]:
        """The `k` best products per row of `vectors`, of those that pass the filter."""
        if column not in self._vectors:
            self._vectors[column] = ProductVectors.of(self._items.ids, self._matrix(column))
        allowed = None if where is None else self._words.passing_ids(where)
        answers = self._vectors[column].nearest(vectors, k if allowed is None else len(self._items.ids))
        return [
            [Hit(product, score) for product, score in answer if allowed is None or product in allowed][:k]
            for answer in answers
        ]

    def _matrix(self, column: str) -> Matrix:
        """Rows of zeros, which are no vectors, where a product lacks the modality."""
        if column == VECTOR:
            return self._fused
        name = next(name for name in self._items.vectors if modality_column(name) == column)
        return self._items.vectors[name] * self._items.present[name][:, None]

    def passing_ids(self, where: str | None) -> frozenset[str]:
        """The products that pass the filter."""
        return self._words.passing_ids(where) if where else frozenset(self._items.ids)

    def vectors(self, product_ids: Sequence[str], column: str) -> tuple[list[str], Matrix]:
        """The vectors of some products and whose they are."""
        wanted, matrix = set(product_ids), self._matrix(column)
        rows = [row for row, key in enumerate(self._items.ids) if key in wanted and matrix[row].any()]
        return [self._items.ids[row] for row in rows], matrix[rows]

    def lexical_batch(self, texts: Sequence[str], k: int, *, where: str | None = None) -> list[list[Hit]]:
        """The `k` best products per text."""
        return self._words.lexical_batch(texts, k, where=where)


def retriever_lists(
    words: PinnedTable,
    items: ModalityBatch,
    photos: MeasuredPhotos | None = None,
    past: QueryMemory | None = None,
) -> RetrieverLists:
    """A function from a model and judged queries to retriever -> query id -> products, DEPTH of each.

    Args:
        words: the index of the catalogue's words.
        items: its vectors.
        photos: judged photos that did not see those queries.
        past: past queries that are not those.
    """
    closer = photos.closer if photos else {}

    def lists(model: QueryTower | None, queries: JudgedQueries) -> dict[str, ScoredRankings]:
        fused = np.zeros((len(items), 1), np.float32) if model is None else model.items(items)
        table, prepared = CatalogueInMemory(words, items, fused), queries.prepared(fused=model is not None)
        retriever = PhotoRetriever(photos.memory, table) if photos else None
        chosen_before = QueryRetriever(past, table) if past else None
        prepared = [
            replace(query, closer_look=closer.get(key))
            for key, query in zip(queries.batch.ids, prepared, strict=True)
        ]
        answers: ScoredLists = [{} for _ in prepared]
        for where, rows in _rows_by_condition(words, queries).items():
            some, batch = [prepared[row] for row in rows], queries.batch.take(rows)
            part = retrieve(
                table, model, some, batch, depth=DEPTH, where=where, photos=retriever, past=chosen_before
            )
            for row, answer in zip(rows, part, strict=True):
                answers[row] = answer
        return {
            name: {
                key: list(answer.get(name, ()))
                for key, answer in zip(queries.batch.ids, answers, strict=True)
            }
            for name in (*RETRIEVERS, TYPED_RETRIEVER)
        }

    return lists


def conditions(words: PinnedTable, queries: JudgedQueries) -> dict[str, str]:
    """Query id -> SQL of the filters in its words, as the engine applies them; only of queries with some."""
    kept = {
        key: bounds_that_fit(words, understood) or understood
        for key, understood in queries.understood.items()
    }
    return {key: understood.condition for key, understood in kept.items() if understood.condition}


def allowed_products(words: PinnedTable, queries: JudgedQueries) -> dict[str, frozenset[str]]:
    """Query id -> the products that pass the filters in its words; only of queries with some."""
    return {key: words.passing_ids(where) for key, where in conditions(words, queries).items()}


def _rows_by_condition(words: PinnedTable, queries: JudgedQueries) -> dict[str | None, list[int]]:
    condition_of, rows = conditions(words, queries), dict[str | None, list[int]]()
    for row, key in enumerate(queries.batch.ids):
        rows.setdefault(condition_of.get(key), []).append(row)
    return rows
