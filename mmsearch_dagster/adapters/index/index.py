"""The search index: one LanceDB table per catalogue, one tagged version per release.

A version is written beside the served ones and gets its tag last, so a reader never sees half of one
and a killed publish leaves only files without a name, which the next publish does not look at.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmsearch_dagster.adapters.index.ann import choose_vector_index
from mmsearch_dagster.adapters.index.checks import check_index
from mmsearch_dagster.adapters.index.golden_checks import IndexCheck
from mmsearch_dagster.adapters.index.library import lancedb_module
from mmsearch_dagster.adapters.index.table import EXACT_ROWS, ROWS_KEY, PinnedTable
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of_frame
from mmsearch_dagster.core.errors import ConfigError, IndexCheckError, ReleaseMismatchError
from mmsearch_dagster.core.gate.golden_queries import GoldenQuery
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.progress import Progress, Silent
from mmsearch_dagster.core.release import IndexPin
from mmsearch_dagster.core.retrieval.rank_fusion import SEARCH_TEXT, VECTOR
from mmsearch_dagster.core.text.full_text import ENGLISH_STOP_WORDS

if TYPE_CHECKING:
    import polars as pl

_STAGE = "index"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# A recomputed model output may differ in its last bits; it is the same version all the same.
_SAME_VECTOR = 1e-4


class SearchIndex:
    """All versions of all catalogues under one URI, a folder or an object store."""

    def __init__(self, uri: str, *, exact_rows: int = EXACT_ROWS) -> None:
        """exact_rows: versions of fewer products are compared in memory, and get no vector index."""
        self._uri, self._exact_rows = uri, exact_rows

    def publish(
        self,
        table: str,
        tag: str,
        rows: "pl.DataFrame",
        *,
        vector_column: str | None = VECTOR,
        progress: Progress | None = None,
    ) -> IndexPin:
        """Write `rows` as a new version of `table` and name it `tag`; nobody reads it yet.

        rows: product_id (unique), search_text, payload columns, and vectors as List or Array of
        Float32, null where an item has none. vector_column: which of them is the fused vector (it is
        stored as `vector`), or None for an index of words only. A tag that already names these rows
        is reused. Raises IndexCheckError when the rows cannot be published or the tag names others.
        """
        from mmsearch_dagster.adapters.index.rows import prepared_rows, vector_columns

        _checked_names(table, tag)
        watch = progress or Silent()
        watch.start(_STAGE, rows.height)
        prepared = prepared_rows(rows, vector_column)
        digest = digest_of_frame(prepared.drop(vector_columns(prepared)))
        if tag in self.tags(table):
            version = self._same(table, tag, prepared, digest)
        else:
            version = self._write(table, tag, prepared, digest)
        watch.advance(_STAGE, rows.height)
        params = version.index_params
        pin = IndexPin(
            table=table,
            tag=tag,
            version=version.version,
            rows=version.row_count,
            vector_index=params.kind,
            measured_recall=params.recall,
        )
        watch.finish(_STAGE, f"version {pin.version}, {pin.rows} rows, vector index: {pin.vector_index}")
        return pin

    def _write(self, table: str, tag: str, rows: "pl.DataFrame", digest: str) -> PinnedTable:
        from mmsearch_dagster.adapters.index.rows import arrow_table

        mode = "create" if self._newest(table) is None else "overwrite"
        # "null" because LanceDB calls a missing vector a bad one; NaN and odd widths never get here.
        written = self._connect().create_table(
            table, arrow_table(rows, {ROWS_KEY: digest.encode()}), mode=mode, on_bad_vectors="null"
        )
        _create_text_and_scalar_indexes(written, rows.columns)
        if VECTOR in rows.columns:
            choose_vector_index(written, self._exact_rows)
        written.tags.create(tag, written.version)
        return self.open(table, tag)

    def _same(self, table: str, tag: str, rows: "pl.DataFrame", digest: str) -> PinnedTable:
        opened = self._connect().open_table(table, version=tag)
        pinned = self._pinned(opened)
        if pinned.rows_digest != digest or not _same_vectors(pinned, rows):
            raise IndexCheckError(
                f"tag '{tag}' of table '{table}' already names other rows: a published version never "
                "changes; publish under another tag, or drop this one first"
            )
        return pinned

    def open(self, table: str, tag: str) -> PinnedTable:
        """The version that `tag` names, for reading.

        Raises ReleaseMismatchError when there is none.
        """
        tags = self.tags(table)
        if tag not in tags:
            names = ", ".join(sorted(tags)) or "none"
            raise ReleaseMismatchError(
                f"the index {self._uri} has no version '{tag}' of table '{table}' (tags: {names}): "
                "`mmsearch run` builds it again; or roll back to a release that has one"
            )
        return self._pinned(self._connect().open_table(table, version=tag))

    def tags(self, table: str) -> dict[str, int]:
        """Tag -> table version; empty for a table that does not exist."""
        newest = self._newest(table)
        return {} if newest is None else {name: int(t["version"]) for name, t in newest.tags.list().items()}

    def drop_tag(self, table: str, tag: str) -> None:
        """Forget a version; its files go with the table's next clean-up. An unknown tag is no error."""
        if tag in self.tags(table):
            self._connect().open_table(table).tags.delete(tag)

    def check(
        self,
        pin: IndexPin,
        products: "pl.DataFrame",
        *,
        reviewed: Sequence[GoldenQuery] = (),
        measured: Sequence[GoldenQuery] = (),
    ) -> list[IndexCheck]:
        """What must hold before a pointer moves to `pin`.

        Args:
            products: exactly what it must hold.
            reviewed: queries that must all be answered, written by people.
            measured: queries that the evaluation has seen answered; nearly all must still be.

        Raises:
            QueryError: for a condition of a reviewed query that this catalogue cannot be asked.
        """
        table = self.open(pin.table, pin.tag)
        return check_index(table, pin, _ids(products), reviewed=reviewed, measured=measured)

    def _pinned(self, opened: Any) -> PinnedTable:
        return PinnedTable(opened, exact_rows=self._exact_rows)

    def _connect(self) -> Any:
        return lancedb_module().connect(self._uri)

    def _newest(self, table: str) -> Any | None:
        """The newest version, None where there is none: LanceDB says that by a ValueError, and raises other
        errors for files that it cannot read."""
        try:
            return self._connect().open_table(table)
        except ValueError:
            return None


def _checked_names(table: str, tag: str) -> None:
    for name in (table, tag):
        if not _NAME.fullmatch(name):
            raise ConfigError(f"'{name}' cannot name a table or tag: letters, digits, '.', '_' and '-' only")


def _ids(rows: "pl.DataFrame") -> list[str]:
    return rows.get_column(col.PRODUCT_ID).to_list()


def _create_text_and_scalar_indexes(table: Any, present: Sequence[str]) -> None:
    from lancedb.index import FTS, Bitmap, BTree

    # Stemming and stop words on: nDCG@10 0.940 against 0.789 without, on the fashion queries.
    # One worker: the partition of the index, and so the order of ties, does not hang on the machine.
    text = FTS(
        base_tokenizer="icu",
        language="English",
        stem=True,
        remove_stop_words=True,
        custom_stop_words=sorted(ENGLISH_STOP_WORDS),
        ascii_folding=True,
        lower_case=True,
        with_position=False,
        num_workers=1,
    )
    table.create_index(SEARCH_TEXT, config=text)
    scalar = {col.PRICE: BTree(), col.CATEGORY: Bitmap(), col.BRAND: Bitmap()}
    for column, config in {**scalar, col.IN_STOCK: Bitmap()}.items():
        if column in present:
            table.create_index(column, config=config)


def _same_vectors(pinned: PinnedTable, rows: "pl.DataFrame") -> bool:
    from mmsearch_dagster.adapters.index.rows import vector_columns

    wanted = vector_columns(rows)
    return set(wanted) == set(pinned.vector_columns) and all(
        _close(pinned.matrix(name), rows.select(col.PRODUCT_ID, name).drop_nulls()) for name in wanted
    )


def _close(stored: tuple[list[str], Matrix], rows: "pl.DataFrame") -> bool:
    """rows: product id, and one vector or a list of several."""
    import polars as pl

    ids, vectors = stored
    rows = rows.explode(rows.columns[1]) if isinstance(rows.dtypes[1], pl.List) else rows
    mine = rows.to_series(1).to_numpy()
    return _ids(rows) == ids and mine.shape == vectors.shape and np.allclose(mine, vectors, atol=_SAME_VECTOR)
