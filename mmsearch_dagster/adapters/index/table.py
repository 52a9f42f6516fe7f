"""One tagged version of a catalogue's LanceDB table, opened for reading."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.adapters.index.full_text import WordIndex
from mmsearch_dagster.adapters.index.payload import HeldPayload
from mmsearch_dagster.adapters.index.vector_index_params import VectorIndexParams
from mmsearch_dagster.adapters.index.vectors import vector_width, vectors_of
from mmsearch_dagster.adapters.models.int8_product import int8_scan
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import QueryError, ReleaseMismatchError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.nearest import SCORE_DECIMALS, ProductVectors
from mmsearch_dagster.core.retrieval.rank_fusion import SEARCH_TEXT, VECTOR
from mmsearch_dagster.core.retrieval.variant_groups import VariantGroups
from mmsearch_dagster.core.text.full_text import query_full_text
from mmsearch_dagster.core.text.preparation import STOP_WORDS, language_of, without_stop_words

if TYPE_CHECKING:
    import polars as pl

# In the schema's metadata: names what the rows say, without their vectors.
ROWS_KEY = b"mmsearch.rows"
# Up to here an exact product with the vectors in memory is faster than any index (measured).
EXACT_ROWS = 200_000
# Asked for beyond k, so that equal scores at the k-th place are ordered by id and not by chance.
_SPARE = 50
# More than LanceDB's single precision can put two products in the wrong order.
_EQUALLY_NEAR = 1e-5
_THREADS = 8
# Conditions whose products are remembered.
_MOST_CONDITIONS = 64
_T = TypeVar("_T")
_R = TypeVar("_R")


class Hit(NamedTuple):
    """One product of a ranking. score: of core.retrieval.nearest, or BM25 for words; larger is better."""

    product_id: str
    score: float


class PinnedTable:
    """Reads one version. Safe to share between threads; loads ids and vectors at their first use."""

    def __init__(self, table: Any, *, exact_rows: int = EXACT_ROWS) -> None:
        """exact_rows: a version of fewer products is compared in memory, a larger one by LanceDB."""
        self._table, self._exact_rows = table, exact_rows
        self._payload: HeldPayload | None = None
        self._first_look: set[str] = set()
        self._words: WordIndex | None = None
        self._passing: dict[str, NDArray[np.bool_]] = {}

    @property
    def version(self) -> int:
        return int(self._table.version)

    @property
    def rows_digest(self) -> str:
        """Names what the rows say, vectors apart; empty for a version that does not have it."""
        return (self._table.schema.metadata or {}).get(ROWS_KEY, b"").decode()

    def check_files(self) -> None:
        """Raises ReleaseMismatchError where the folder of the table is gone: what is in memory could answer
        until the next start, and nobody would notice before it."""
        if "://" not in self._table.uri and not Path(self._table.uri).is_dir():
            raise _unreadable(f"there is no {self._table.uri}")

    @cached_property
    def row_count(self) -> int:
        with _reading():
            return int(self._table.count_rows())

    @cached_property
    def size_bytes(self) -> int:
        """Of the files of this version."""
        with _reading():
            return int(self._table.stats()["total_bytes"])

    def passing(self, where: str | None) -> int:
        """How many products pass a condition of `core.retrieval.filters.language`. Raises QueryError for one
        that SQL refuses."""
        with _reading(where):
            return int(self._table.count_rows(where))

    def passing_ids(self, where: str | None) -> frozenset[str]:
        """The products that pass a condition of `core.retrieval.filters.language`. Raises QueryError for one
        that SQL refuses."""
        if where is None:
            return self.product_ids
        with _reading(where):
            query = self._table.search().where(where).select([col.PRODUCT_ID]).limit(None)
            return frozenset(query.to_arrow()[col.PRODUCT_ID].to_pylist())

    @property
    def held_in_memory(self) -> bool:
        """Whether what has no filter is answered exactly from memory, without the table and its index."""
        return self.row_count < self._exact_rows

    @cached_property
    def vector_columns(self) -> dict[str, int]:
        """Each vector column and its width."""
        widths = {field.name: vector_width(field.type) for field in self._table.schema}
        return {name: width for name, width in widths.items() if width is not None}

    def has_vectors(self, column: str) -> bool:
        """Whether there is such a vector column."""
        return column in self.vector_columns

    @cached_property
    def payload_columns(self) -> tuple[str, ...]:
        """What `rows` returns: everything that is for people, nothing that is for searching."""
        return tuple(n for n in self._table.schema.names if n not in self.vector_columns and n != SEARCH_TEXT)

    @cached_property
    def index_params(self) -> VectorIndexParams:
        """The vector index of this version."""
        if VECTOR not in self.vector_columns:
            return VectorIndexParams()
        return VectorIndexParams.read(self._table.schema.field(VECTOR).metadata or {})

    @cached_property
    def _id_of_row(self) -> dict[int, str]:
        query = self._table.search().select([col.PRODUCT_ID]).with_row_id(True).limit(None)
        with _reading():
            ids = query.to_arrow()
        return dict(zip(ids["_rowid"].to_pylist(), ids[col.PRODUCT_ID].to_pylist(), strict=True))

    @cached_property
    def _row_of_id(self) -> dict[str, int]:
        return {product_id: row for row, product_id in self._id_of_row.items()}

    @cached_property
    def product_ids(self) -> frozenset[str]:
        """Every product of this version."""
        return frozenset(self._row_of_id)

    @cached_property
    def variant_groups(self) -> VariantGroups:
        """Which products of this version are variants of one; none in versions of old releases."""
        if col.PARENT_ID not in self.payload_columns:
            return VariantGroups()
        return VariantGroups.of(self.records([col.PRODUCT_ID, col.PARENT_ID, col.PRICE]))

    def matrix(self, column: str = VECTOR) -> tuple[list[str], Matrix]:
        """Reads all vectors of a column; each call reads again.

        Args:
            column: a vector column.

        Returns:
            Ids in ascending order and their vectors as stored, float32 [m, width]. Rows without a vector are
            left out, a product with several vectors is named several times.
        """
        width = self._width(column)
        query = self._table.search().select([col.PRODUCT_ID, column]).where(f"{column} IS NOT NULL")
        with _reading():
            return vectors_of(query.limit(None).to_arrow().sort_by(col.PRODUCT_ID), column, width)

    @cached_property
    def _in_memory(self) -> dict[str, ProductVectors]:
        return {}

    def compared(self, column: str = VECTOR) -> ProductVectors:
        """All vectors of a column as they are compared; read once, then kept in memory."""
        if column not in self._in_memory:
            self._in_memory[column] = ProductVectors.of(*self.matrix(column))
        return self._in_memory[column]

    def vectors(self, product_ids: Sequence[str], column: str = VECTOR) -> tuple[list[str], Matrix]:
        """Reads the vectors of some products.

        Args:
            product_ids: unknown ids are left out.
            column: a vector column.

        Returns:
            Ids in any order and their vectors, float32 [m, width].
        """
        width = self._width(column)
        rows = self._take(product_ids, [col.PRODUCT_ID, column])
        if rows is None:
            return [], np.zeros((0, width), dtype=np.float32)
        return vectors_of(rows.filter(rows[column].is_valid()), column, width)

    def scores(self, vector: Matrix, product_ids: Sequence[str], column: str = VECTOR) -> dict[str, float]:
        """The scores that `nearest` would give these products.

        Args:
            vector: the query, float32 [width].
            product_ids: products without a vector are left out.
            column: a vector column.

        Returns:
            Product id -> cosine.
        """
        self._check_width(vector[np.newaxis], column)
        vectors = ProductVectors.of(*self.vectors(product_ids, column))
        return dict(next(vectors.nearest(vector[np.newaxis], len(vectors.ids))))

    @property
    def is_warm(self) -> bool:
        """Whether what has no filter is answered from what `warm` has read."""
        return self._payload is not None

    def warm(self) -> None:
        """Load now what the first query would wait for, and what many queries read again and again."""
        if self.held_in_memory:
            for column in self.vector_columns:
                vectors = self.compared(column)
                self._in_memory[column] = replace(vectors, scan=int8_scan(vectors.unit_vectors))
            self._payload = HeldPayload.of(self._every_row(self.payload_columns))
            self._hold_words()
        self.lexical("warm", 1)
        _ = self.variant_groups

    def _width(self, column: str) -> int:
        if column not in self.vector_columns:
            names = ", ".join(sorted(self.vector_columns)) or "none, it is for words only"
            raise ReleaseMismatchError(f"the index has no vector column '{column}' (it has: {names})")
        return self.vector_columns[column]

    def nearest(self, vector: Matrix, k: int, *, where: str | None = None, column: str = VECTOR) -> list[Hit]:
        """The products of largest cosine to a vector, best first, ties by id.

        Of a product with several vectors the nearest one counts (core.retrieval.nearest).

        Args:
            vector: float32 [width], of any norm; for a zero vector the answer is empty.
            k: how many products at most.
            where: SQL from `core.retrieval.filters.language`, applied before the search.
            column: a vector column.

        Returns:
            At most `k` hits.

        Raises:
            ReleaseMismatchError: the vector has another width than the column.
            QueryError: SQL refuses the condition.
        """
        return self.nearest_batch(vector[np.newaxis], k, where=where, column=column)[0]

    def nearest_batch(
        self, vectors: Matrix, k: int, *, where: str | None = None, column: str = VECTOR
    ) -> list[list[Hit]]:
        """`nearest` for several queries.

        Args:
            vectors: float32 [q, width].
            k: how many products at most per query.
            where: as in `nearest`.
            column: a vector column.

        Returns:
            One list of hits per query.
        """
        self._check_width(vectors, column)
        if where is None and self.held_in_memory:
            first = self._first_answer(vectors, k, column)
            return first or [_hits(pairs) for pairs in self.compared(column).nearest(vectors, k)]
        return _each(lambda v: self.nearest_in_table(v, k, where=where, column=column), list(vectors))

    def _first_answer(self, vectors: Matrix, k: int, column: str) -> list[list[Hit]] | None:
        """What memory would answer to the first query of a process, by a look through the table, which is
        many times faster than to read all vectors for one query. None for later queries, and where more
        products are as near as the k-th than the table proposes.
        """
        if len(vectors) > 1 or column in self._in_memory or column in self._first_look:
            return None
        self._first_look.add(column)
        count = k + _SPARE
        hits = self.nearest_in_table(vectors[0], count, column=column, params=VectorIndexParams())
        if len(hits) == count and hits[k - 1].score - hits[-1].score < _EQUALLY_NEAR:
            return None
        return [hits[:k]]

    def _check_width(self, vectors: Matrix, column: str) -> None:
        width = self._width(column)
        if vectors.shape[1] != width:
            raise ReleaseMismatchError(
                f"the query vector has {vectors.shape[1]} numbers, column '{column}' of the index {width}: "
                "model and index are not of one release"
            )

    def nearest_in_table(
        self,
        vector: Matrix,
        k: int,
        *,
        where: str | None = None,
        column: str = VECTOR,
        params: VectorIndexParams | None = None,
    ) -> list[Hit]:
        """`nearest` among the candidates that LanceDB proposes.

        Args:
            vector: float32 [width].
            k: how many products at most.
            where: as in `nearest`.
            column: a vector column.
            params: parameters of the vector index; None: those of this version.

        Returns:
            At most `k` hits.
        """
        if not vector.any():
            return []
        # What passes a filter may lie in partitions that are not probed: then every row is compared.
        indexed = column == VECTOR and where is None
        params = params or (self.index_params if indexed else VectorIndexParams())
        query = self._table.search(vector, vector_column_name=column).distance_type("cosine")
        if params.kind == "none":
            query = query.bypass_vector_index()
        else:
            query = query.nprobes(params.probes)
            query = query.refine_factor(params.refine) if params.refine else query
        nearest = self._run(query, [col.PRODUCT_ID, column, "_distance"], k, where)
        proposed = ProductVectors.of(*vectors_of(nearest, column, self._width(column)))
        return _hits(next(proposed.nearest(vector[np.newaxis], k)))

    def lexical(self, text: str, k: int, *, where: str | None = None) -> list[Hit]:
        """The `k` products whose text matches any word of `text` best by BM25, ties by id.

        Any Unicode is welcome; text without a word the index knows finds nothing.
        """
        from lancedb.query import MatchQuery

        words = query_full_text(self._without_stop_words(text.encode("utf-8", "replace").decode("utf-8")))
        if not words.strip():
            return []
        if self._words is not None:
            return _hits(self._words.best(words, k, self._passing_rows(self._words, where)))
        # A query object, not a string: nothing in the words is syntax. Its defaults escape pyright.
        query = MatchQuery(words, SEARCH_TEXT)  # pyright: ignore[reportCallIssue]
        matches = self._run(self._table.search(query), ["_score"], k, where)
        return self._ranked(matches["_rowid"], matches["_score"].to_numpy(), k)

    def _hold_words(self) -> None:
        """Read all texts, so that words are looked up in memory from now on."""
        if self._words is None:
            rows = self._every_row([col.PRODUCT_ID, SEARCH_TEXT])
            texts = zip(*(rows[name].to_pylist() for name in (col.PRODUCT_ID, SEARCH_TEXT)), strict=True)
            self._words = WordIndex.of(dict(texts), self.words_of)

    def _passing_rows(self, words: WordIndex, where: str | None) -> NDArray[np.bool_] | None:
        """Which products of the index in memory pass a condition; None for all."""
        if where is None:
            return None
        passing = self._passing.get(where)
        if passing is None:
            passing = words.passing_rows(self.passing_ids(where))
            if len(self._passing) >= _MOST_CONDITIONS:
                self._passing.clear()
            self._passing[where] = passing
        return passing

    def _without_stop_words(self, text: str) -> str:
        """The text without stop words that the index itself keeps: it knows those of one language only."""
        language = language_of(text)
        if language not in STOP_WORDS:
            return text
        return " ".join(without_stop_words(self.words_of(text), language))

    def lexical_batch(self, texts: Sequence[str], k: int, *, where: str | None = None) -> list[list[Hit]]:
        """`lexical` for each text, each different text once, several at a time."""
        different = list(dict.fromkeys(texts))
        if len(different) > 1 and self.held_in_memory:
            self._hold_words()
        hits_of = dict(
            zip(different, _each(lambda t: self.lexical(t, k, where=where), different), strict=True)
        )
        return [hits_of[text] for text in texts]

    def _run(self, query: Any, select: list[str], k: int, where: str | None) -> Any:
        if where is not None:
            query = query.where(where, prefilter=True)
        with _reading(where):
            return query.select(select).with_row_id(True).limit(k + _SPARE).to_arrow()

    def _ranked(self, row_ids: Any, scores: Any, k: int) -> list[Hit]:
        rounded = np.round(np.asarray(scores, dtype=np.float64), SCORE_DECIMALS)
        hits = [
            Hit(self._id_of_row[row], float(s)) for row, s in zip(row_ids.to_pylist(), rounded, strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.product_id))[:k]

    def rows(self, product_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Payload by product id; ids the index does not hold are left out."""
        if self._payload is not None:
            return self._payload.of_products(product_ids)
        rows = self._take(product_ids, self.payload_columns)
        return {} if rows is None else {row[col.PRODUCT_ID]: row for row in rows.to_pylist()}

    def _take(self, product_ids: Sequence[str], names: Sequence[str]) -> Any | None:
        """These columns of these products; None when the index holds none of them."""
        wanted = [self._row_of_id[i] for i in dict.fromkeys(product_ids) if i in self._row_of_id]
        if not wanted:
            return None
        with _reading():
            return self._table.take_row_ids(wanted).select(list(names)).to_arrow()

    def records(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Some columns of every row, as `rows` gives them, in any order; columns that the table lacks are
        left out."""
        return self._every_row([name for name in names if name in self.payload_columns]).to_pylist()

    def columns(self, names: Sequence[str]) -> "pl.DataFrame":
        """Reads some columns of every row.

        Args:
            names: columns that the table lacks are left out.

        Returns:
            The rows, in any order.
        """
        import polars as pl

        rows = pl.from_arrow(self._every_row([name for name in names if name in self.payload_columns]))
        assert isinstance(rows, pl.DataFrame)
        return rows

    def _every_row(self, names: Sequence[str]) -> Any:
        """These columns of all products, as Arrow, in any order."""
        with _reading():
            return self._table.search().select(list(names)).limit(None).to_arrow()

    def words_of(self, text: str) -> tuple[str, ...]:
        """What the full-text index makes of `text`: folded, stemmed, stop words gone."""
        return tuple(token.text for token in self._table.tokenize(text, column=SEARCH_TEXT))


@contextmanager
def _reading(where: str | None = None) -> Iterator[None]:
    """Around a read of the table. where: the condition that is applied.

    Raises QueryError where SQL refuses the condition, ReleaseMismatchError where files of the table are
    gone or damaged.
    """
    try:
        yield
    except ValueError as error:
        if where is None:
            raise
        raise QueryError(f"the filter cannot be applied to this index: {_first_line(error)}") from error
    except (RuntimeError, OSError) as error:
        raise _unreadable(_first_line(error)) from error


def _unreadable(reason: str) -> ReleaseMismatchError:
    return ReleaseMismatchError(
        f"the index of this release cannot be read, its files are gone or damaged: {reason}; "
        "run `mmsearch run`, or roll back to a release that is whole"
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


# A hundred of these are made per retriever and query; the class itself is four times slower.
_hit: Callable[[tuple[str, float]], Hit] = partial(tuple.__new__, Hit)


def _hits(pairs: Sequence[tuple[str, float]]) -> list[Hit]:
    return list(map(_hit, pairs))


def _each(work: Callable[[_T], _R], items: list[_T]) -> list[_R]:
    """`work` on every item, in order of `items`; LanceDB works outside the interpreter's lock."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, items))
