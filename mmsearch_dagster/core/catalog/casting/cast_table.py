"""From a source's raw columns to the data contract; what cannot be cast is noted beside its row.

Everything is a polars expression, so it runs inside a streaming scan. A value that cannot be cast becomes
null. Where the table cannot do without it, a sentence in `_problems` later sends its row to quarantine; where
it can, the row stays and a sentence in `_emptied` says what was left empty.
"""

from collections.abc import Mapping

import polars as pl

from mmsearch_dagster.core.catalog.casting.amounts import as_currency, currency_in
from mmsearch_dagster.core.catalog.casting.cast_nested import ATTRIBUTE_MAP, as_attributes, feeds_attributes
from mmsearch_dagster.core.catalog.casting.cast_scalars import (
    as_boolean,
    as_integer,
    as_money,
    as_number,
    as_text,
    decoded,
)
from mmsearch_dagster.core.catalog.casting.categories import CategorySigns, as_category
from mmsearch_dagster.core.catalog.casting.instants import as_instant
from mmsearch_dagster.core.catalog.casting.texts import (
    as_id,
    clean_text,
    without_entities,
    without_script_words,
)
from mmsearch_dagster.core.catalog.casting.uris import as_uri, as_uris, below
from mmsearch_dagster.core.catalog.casting.value_format import ValueFormat
from mmsearch_dagster.core.catalog.columns import (
    AMOUNTS,
    ATTRIBUTES,
    BRAND,
    BROKEN,
    CATEGORY,
    CURRENCY,
    DESCRIPTION,
    EMPTIED,
    GROUP,
    HIDDEN,
    MEDIA_COLUMNS,
    PARENT_ID,
    PRICE,
    PROBLEMS,
    PRODUCT_ID,
    REQUIRED,
    ROW,
    SOURCE,
    TITLE,
)
from mmsearch_dagster.core.catalog.pseudonyms import is_personal
from mmsearch_dagster.core.catalog.schemas import INSTANT, TABLES

_QUOTED = 80
_SHOWN_TEXTS = (TITLE, DESCRIPTION, BRAND)
_PRODUCT_IDS = (PRODUCT_ID, PARENT_ID)
_PLAIN = ValueFormat()
_KINDS = {
    pl.Float64(): "a number",
    pl.Int64(): "a whole number",
    pl.Boolean(): "yes or no",
    INSTANT: "a time (ISO 8601 or epoch seconds or milliseconds; for others give its format)",
    pl.String(): "text",
    ATTRIBUTE_MAP: "a map of attributes (a JSON object, or name=value pairs)",
}


def cast_rows(
    raw: pl.LazyFrame,
    table: str,
    separator: str = "|",
    formats: Mapping[str, ValueFormat] | None = None,
    *,
    below_root: bool = True,
) -> pl.LazyFrame:
    """`raw` in the contract's columns and types, plus `_source`, `_row`, `_problems` and `_emptied`.

    Args:
        raw: contract columns (and `attributes.<name>`) of any type, `_source`, `_row`, and perhaps the
            columns BROKEN, GROUP and HIDDEN. Contract columns that it lacks become null.
        table: name of a contract table.
        separator: what separates several image uris in one text.
        formats: contract column -> how its values are written, where that is given.
        below_root: whether a file name that begins with a slash is one below the source's folder.

    Returns:
        The same rows; `_problems` and `_emptied` list the sentences about values that could not be cast.
    """
    types = dict(raw.collect_schema())
    options = formats or {}
    values: list[pl.Expr] = []
    problems = [pl.col(BROKEN)] if BROKEN in types else []
    emptied: list[pl.Expr] = []
    for column, wanted in TABLES[table].items():
        option = options.get(column, _PLAIN)
        value = _cast_column(column, types, wanted, separator=separator, option=option, below_root=below_root)
        values.append(value.alias(column))
        problem = _problem_of(column, types, value, wanted, quote=not is_personal(table))
        if problem is not None:
            (problems if column in REQUIRED[table] else emptied).append(problem)
    marks = [pl.col(name) for name in (GROUP, HIDDEN) if name in types]
    return raw.select(
        pl.col(SOURCE),
        pl.col(ROW).cast(pl.Int64),
        _listed(problems).alias(PROBLEMS),
        _listed(emptied).alias(EMPTIED),
        *marks,
        *values,
    )


def _listed(sentences: list[pl.Expr]) -> pl.Expr:
    if not sentences:
        return pl.lit([], dtype=pl.List(pl.String))
    return pl.concat_list(sentences).list.drop_nulls()


def _cast_column(
    column: str,
    types: Mapping[str, pl.DataType],
    wanted: pl.DataType,
    *,
    separator: str,
    option: ValueFormat,
    below_root: bool,
) -> pl.Expr:
    if wanted == ATTRIBUTE_MAP:
        feeds = {name: kind for name, kind in types.items() if feeds_attributes(name)}
        return as_attributes(feeds, option.pairs, option.equals)
    if column == CURRENCY:
        return _currency(types)
    if column not in types:
        return pl.lit(None, dtype=wanted)
    if column in MEDIA_COLUMNS:
        return _media(
            column, types[column], wanted, option.separator or separator, option, below_root=below_root
        )
    if column == CATEGORY:
        signs = CategorySigns(option.path_separator, option.separator, option.root)
        return as_category(pl.col(column), types[column], signs)
    return cast_scalar(column, types[column], wanted, option)


def _currency(types: Mapping[str, pl.DataType]) -> pl.Expr:
    """The currency that is given, else the one that stands beside the price."""
    beside = currency_in(pl.col(PRICE)) if types.get(PRICE) == pl.String else pl.lit(None, dtype=pl.String)
    if CURRENCY not in types:
        return beside
    return pl.coalesce(as_currency(without_script_words(as_text(pl.col(CURRENCY), types[CURRENCY]))), beside)


def _media(
    column: str,
    dtype: pl.DataType,
    wanted: pl.DataType,
    separator: str,
    option: ValueFormat,
    *,
    below_root: bool,
) -> pl.Expr:
    value = pl.col(column)
    rooted = below_root or option.base is not None
    if isinstance(wanted, pl.List):
        uris = as_uris(value, dtype, separator)
        return uris.list.eval(below(pl.element(), option.base)) if rooted else uris
    uri = as_uri(value) if dtype == pl.String else as_text(value, dtype)
    return below(uri, option.base) if rooted else uri


def cast_scalar(
    column: str, dtype: pl.DataType, wanted: pl.DataType, option: ValueFormat = _PLAIN
) -> pl.Expr:
    """Column `column` of type `dtype` as `wanted`, one of the contract's scalar types."""
    value = pl.col(column)
    if wanted == pl.String:
        text = as_text(value, dtype)
        if column in _SHOWN_TEXTS:
            return without_entities(without_script_words(text))
        return as_id(without_script_words(text)) if column in _PRODUCT_IDS else text
    if wanted == pl.Float64:
        return as_money(value, dtype, option.decimal) if column in AMOUNTS else as_number(value, dtype)
    if wanted == pl.Int64:
        return as_integer(value, dtype)
    if wanted == pl.Boolean:
        return as_boolean(value, dtype)
    return as_instant(value, dtype, form=option.format, zone=option.time_zone)


def _problem_of(
    column: str, types: Mapping[str, pl.DataType], cast: pl.Expr, wanted: pl.DataType, *, quote: bool
) -> pl.Expr | None:
    """The sentence for a value that could not be cast; None for columns where every value can be."""
    if column not in types or column in MEDIA_COLUMNS or column == CATEGORY:
        return None
    dtype = types[column]
    if column == ATTRIBUTES:
        return _problem(column, dtype, cast, wanted, quote=quote) if dtype == pl.String else None
    if wanted == pl.String and dtype != pl.Binary:
        return None
    return _problem(column, dtype, cast, wanted, quote=quote)


def _problem(column: str, dtype: pl.DataType, cast: pl.Expr, wanted: pl.DataType, *, quote: bool) -> pl.Expr:
    given = pl.col(column)
    shown = decoded(given, "replace") if dtype == pl.Binary else given.cast(pl.String, strict=False)
    if dtype == pl.String:
        shown = clean_text(shown)
    value = shown.str.head(_QUOTED) if quote else pl.lit("...")
    # pl.format panics (polars 2.1) over a frame whose first chunk a filter has emptied; concat_str does not.
    sentence = pl.concat_str(pl.lit(f"{column}: '"), value, pl.lit(f"' is not {_KINDS[wanted]}"))
    return pl.when(shown.is_not_null() & cast.is_null()).then(sentence)
