"""Lenient conversions to the nested types of the data contract: picture uris and the attributes map."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from mmsearch_dagster.core.catalog.cast_scalars import as_text, clean_text
from mmsearch_dagster.core.catalog.columns import ATTRIBUTES, TABLES

ATTRIBUTE_MAP = TABLES["products"][ATTRIBUTES]
_ATTRIBUTE = f"{ATTRIBUTES}."


def attribute_column(name: str) -> str:
    """The raw column that feeds one key of the `attributes` map."""
    return f"{_ATTRIBUTE}{name}"


def feeds_attributes(raw_column: str) -> bool:
    """Whether a raw column holds the `attributes` map or one of its keys."""
    return raw_column == ATTRIBUTES or raw_column.startswith(_ATTRIBUTE)


def as_texts(value: pl.Expr, dtype: pl.DataType, separator: str) -> pl.Expr:
    """A list of clean texts from a list, a JSON array, or one separated text; an empty list is null."""
    if isinstance(dtype, pl.List | pl.Array):
        listed = value.arr.to_list() if isinstance(dtype, pl.Array) else value
        parts = listed.cast(pl.List(pl.String))
    else:
        text = value.cast(pl.String).str.strip_chars()
        array = pl.when(text.str.starts_with("[")).then(text)
        listed = array.map_elements(_json_texts, return_dtype=pl.List(pl.String))
        parts = pl.coalesce(listed, text.str.split(separator))
    parts = parts.list.eval(clean_text(pl.element())).list.drop_nulls()
    return pl.when(parts.list.len() > 0).then(parts)


def _json_texts(text: str) -> list[str] | None:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return [_scalar(value) for value in values if value is not None]


def as_attributes(columns: Mapping[str, pl.DataType]) -> pl.Expr:
    """The contract's map (key, value; sorted by key) out of the raw columns that feed it; none is null.

    columns: raw column -> its type; `attributes.<name>` feeds one key, `attributes` holds a whole map
    (a struct, a list of key and value, or a JSON object as text).
    """
    attributes = columns.get(ATTRIBUTES)
    if isinstance(attributes, pl.Struct):
        fields = pl.Schema(attributes.to_schema()).items()
        return _pairs({name: as_text(pl.col(ATTRIBUTES).struct.field(name), kind) for name, kind in fields})
    if attributes is not None:
        return _whole_map(pl.col(ATTRIBUTES), attributes)
    return _pairs(
        {name.removeprefix(_ATTRIBUTE): as_text(pl.col(name), kind) for name, kind in columns.items()}
    )


def _pairs(texts: Mapping[str, pl.Expr]) -> pl.Expr:
    if not texts:
        return pl.lit(None, dtype=ATTRIBUTE_MAP)
    pairs = [pl.struct(key=pl.lit(name), value=text) for name, text in sorted(texts.items())]
    filled = pl.concat_list(pairs).list.filter(pl.element().struct.field("value").is_not_null())
    return pl.when(filled.list.len() > 0).then(filled)


def _whole_map(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.String:
        return value.map_elements(_json_pairs, return_dtype=ATTRIBUTE_MAP)
    pairs = value.cast(ATTRIBUTE_MAP, strict=False)
    return pl.when(pairs.list.len() > 0).then(pairs.list.sort())


def _json_pairs(text: str) -> list[dict[str, str]] | None:
    try:
        pairs = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(pairs, dict):
        return None
    filled = [(key, value) for key, value in sorted(pairs.items()) if value is not None]
    return [{"key": key, "value": _scalar(value)} for key, value in filled] or None


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
