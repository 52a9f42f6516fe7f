"""Files that stand beside a table's file: their columns by a key."""

from collections.abc import Sequence

import polars as pl

from mmsearch_dagster.adapters.sources.formats import READERS
from mmsearch_dagster.adapters.sources.source import Source
from mmsearch_dagster.core.catalog.casting.cast_scalars import as_text
from mmsearch_dagster.core.catalog.columns import BROKEN
from mmsearch_dagster.core.catalog.mapping.file import Join
from mmsearch_dagster.core.catalog.mapping.source_mapping import TableFile
from mmsearch_dagster.core.errors import SourceError

_KEY = "\x00key"


def joined(source: Source, file: TableFile, rows: pl.DataFrame, *, inputs: Sequence[str]) -> pl.DataFrame:
    """`rows` with the columns `name.column` of each joined file, as lists: a key may stand there often.

    Args:
        source: the checked mapping.
        file: the table's file with its joins.
        rows: its rows.
        inputs: names of columns that the mapping needs.

    Returns:
        The rows in their order.

    Raises:
        SourceError: a file cannot be read, or no key of it stands in the rows.
    """
    for join in file.joins:
        prefix = f"{join.name}."
        wanted = [name.removeprefix(prefix) for name in dict.fromkeys(inputs) if name.startswith(prefix)]
        rows = _with_columns_of(source, join, rows, wanted)
    return rows


def _with_columns_of(source: Source, join: Join, rows: pl.DataFrame, wanted: Sequence[str]) -> pl.DataFrame:
    path = source.path_of(join)
    beside = READERS[join.format].read(path, join, list(dict.fromkeys([*join.key.values(), *wanted])))
    beside = beside.filter(pl.col(BROKEN).is_null())
    listed = (
        beside.select(_key_of(beside, list(join.key.values())), pl.col(wanted))
        .drop_nulls(_KEY)
        .group_by(_KEY, maintain_order=True)
        .agg(pl.col(name).cast(pl.String).drop_nulls().alias(f"{join.name}.{name}") for name in wanted)
    )
    keyed = rows.with_columns(_key_of(rows, list(join.key)))
    if rows.height and listed.height and not keyed[_KEY].is_in(listed[_KEY].implode()).any():
        pairs = ", ".join(f"'{ours}' here and '{theirs}' there" for ours, theirs in join.key.items())
        raise SourceError(
            f"{path}: no key of this file stands in the file that it is joined to; the key is {pairs}"
        )
    return keyed.join(listed, on=_KEY, how="left", maintain_order="left").drop(_KEY)


def _key_of(rows: pl.DataFrame, columns: Sequence[str]) -> pl.Expr:
    """One text for the key; null where a part of it is empty."""
    parts = [as_text(pl.col(name), rows.schema[name]) for name in columns]
    return pl.concat_str(parts, separator="\x1f").alias(_KEY)
