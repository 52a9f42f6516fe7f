"""Lenient conversions to the map of attributes, from a column that holds it or from a column for each key."""

from collections.abc import Mapping

import polars as pl

from mmsearch_dagster.core.catalog.casting.attributes import attribute_pairs
from mmsearch_dagster.core.catalog.casting.cast_scalars import as_text
from mmsearch_dagster.core.catalog.columns import ATTRIBUTES
from mmsearch_dagster.core.catalog.schemas import TABLES

ATTRIBUTE_MAP = TABLES["products"][ATTRIBUTES]
_ATTRIBUTE = f"{ATTRIBUTES}."


def attribute_column(name: str) -> str:
    """The raw column that feeds one key of the `attributes` map."""
    return f"{_ATTRIBUTE}{name}"


def feeds_attributes(raw_column: str) -> bool:
    """Whether a raw column holds the `attributes` map or one of its keys."""
    return raw_column == ATTRIBUTES or raw_column.startswith(_ATTRIBUTE)


def as_attributes(
    columns: Mapping[str, pl.DataType], pairs: str | None = None, equals: str | None = None
) -> pl.Expr:
    """The contract's map (key, value; sorted by key) out of the raw columns that feed it; none is null.

    Args:
        columns: raw column -> its type; `attributes.<name>` feeds one key, `attributes` holds a whole map (a
            struct, a list of key and value, a JSON object as text, or a text of pairs).
        pairs: between two pairs of a text; None for the usual signs.
        equals: between name and value; None for the usual signs.
    """
    keys = {name: kind for name, kind in columns.items() if name != ATTRIBUTES}
    single = _pairs(
        {name.removeprefix(_ATTRIBUTE): as_text(pl.col(name), kind) for name, kind in keys.items()}
    )
    if ATTRIBUTES not in columns:
        return single
    whole = _whole_map(columns[ATTRIBUTES], pairs, equals)
    if not keys:
        return whole
    both = pl.concat_list(single.fill_null([]), whole.fill_null([]))
    first = both.list.eval(pl.element().filter(pl.element().struct.field("key").is_first_distinct()))
    return pl.when(first.list.len() > 0).then(first.list.sort())


def _pairs(texts: Mapping[str, pl.Expr]) -> pl.Expr:
    if not texts:
        return pl.lit(None, dtype=ATTRIBUTE_MAP)
    pairs = [pl.struct(key=pl.lit(name), value=text) for name, text in sorted(texts.items())]
    filled = pl.concat_list(pairs).list.filter(pl.element().struct.field("value").is_not_null())
    return pl.when(filled.list.len() > 0).then(filled)


def _whole_map(dtype: pl.DataType, pairs: str | None, equals: str | None) -> pl.Expr:
    value = pl.col(ATTRIBUTES)
    if isinstance(dtype, pl.Struct):
        fields = pl.Schema(dtype.to_schema()).items()
        return _pairs({name: as_text(value.struct.field(name), kind) for name, kind in fields})
    if isinstance(dtype, pl.List):
        listed = value.cast(ATTRIBUTE_MAP, strict=False)
        return pl.when(listed.list.len() > 0).then(listed.list.sort())

    def read(text: str) -> list[dict[str, str]] | None:
        given = attribute_pairs(text, pairs, equals)
        return [{"key": key, "value": given[key]} for key in sorted(given)] if given else None

    return value.cast(pl.String).map_elements(read, return_dtype=ATTRIBUTE_MAP)
