"""From a source's raw columns to the data contract; what cannot be cast is noted beside its row.

Everything is a polars expression, so it runs inside a streaming scan. A value that cannot be cast becomes
null and leaves a sentence in `_problems`, which later sends its row to quarantine.
"""

from collections.abc import Mapping

import polars as pl

from mmsearch_dagster.core.catalog.cast_nested import ATTRIBUTE_MAP, as_attributes, as_texts, feeds_attributes
from mmsearch_dagster.core.catalog.cast_scalars import (
    as_boolean,
    as_instant,
    as_integer,
    as_number,
    as_text,
    clean_text,
    decoded,
)
from mmsearch_dagster.core.catalog.columns import INSTANT, TABLES
from mmsearch_dagster.core.catalog.pseudonyms import is_personal

SOURCE = "_source"
# The number of the record in its file, from 1; of the line where records are lines of JSON.
ROW = "_row"
PROBLEMS = "_problems"
# In raw rows, beside columns that a shop named: a zero byte, which no file's column name holds.
NUMBER = "\x00row"
# Why a whole record could not be read, or null.
BROKEN = "\x00broken"

_QUOTED = 80
_KINDS = {
    pl.Float64(): "a number",
    pl.Int64(): "a whole number",
    pl.Boolean(): "yes or no",
    INSTANT: "a time (ISO 8601 or epoch seconds or milliseconds)",
    pl.String(): "text",
}


def cast_rows(raw: pl.LazyFrame, table: str, separator: str = "|") -> pl.LazyFrame:
    """`raw` in the contract's columns and types, plus `_source`, `_row` and `_problems`.

    Args:
        raw: contract columns (and `attributes.<name>`) of any type, `_source`, `_row`, and perhaps the column
            BROKEN. Contract columns that it lacks become null.
        table: name of a contract table.
        separator: what separates several image uris in one text.

    Returns:
        The same rows; `_problems` lists the sentences about values that could not be cast.
    """
    types = dict(raw.collect_schema())
    values: list[pl.Expr] = []
    problems = [pl.col(BROKEN)] if BROKEN in types else []
    for column, wanted in TABLES[table].items():
        value, problem = _cast_column(column, types, wanted, separator, personal=is_personal(table))
        values.append(value.alias(column))
        problems += [problem] if problem is not None else []
    listed = pl.concat_list(problems).list.drop_nulls() if problems else pl.lit([], dtype=pl.List(pl.String))
    return raw.select(pl.col(SOURCE), pl.col(ROW).cast(pl.Int64), listed.alias(PROBLEMS), *values)


def _cast_column(
    column: str, types: Mapping[str, pl.DataType], wanted: pl.DataType, separator: str, *, personal: bool
) -> tuple[pl.Expr, pl.Expr | None]:
    if wanted == ATTRIBUTE_MAP:
        return as_attributes({name: kind for name, kind in types.items() if feeds_attributes(name)}), None
    if column not in types:
        return pl.lit(None, dtype=wanted), None
    if isinstance(wanted, pl.List):
        return as_texts(pl.col(column), types[column], separator), None
    value = cast_scalar(column, types[column], wanted)
    if wanted == pl.String and types[column] != pl.Binary:
        return value, None
    return value, _problem(column, types[column], value, wanted, quote=not personal)


def cast_scalar(column: str, dtype: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """Column `column` of type `dtype` as `wanted`, one of the contract's scalar types."""
    value = pl.col(column)
    if wanted == pl.String:
        return as_text(value, dtype)
    if wanted == pl.Float64:
        return as_number(value, dtype)
    if wanted == pl.Int64:
        return as_integer(value, dtype)
    return as_boolean(value, dtype) if wanted == pl.Boolean else as_instant(value, dtype)


def _problem(column: str, dtype: pl.DataType, cast: pl.Expr, wanted: pl.DataType, *, quote: bool) -> pl.Expr:
    given = pl.col(column)
    shown = decoded(given, "replace") if dtype == pl.Binary else given.cast(pl.String, strict=False)
    if dtype == pl.String:
        shown = clean_text(shown)
    value = shown.str.head(_QUOTED) if quote else pl.lit("...")
    # pl.format panics (polars 2.1) over a frame whose first chunk a filter has emptied; concat_str does not.
    sentence = pl.concat_str(pl.lit(f"{column}: '"), value, pl.lit(f"' is not {_KINDS[wanted]}"))
    return pl.when(shown.is_not_null() & cast.is_null()).then(sentence)
