"""Which types of a file's column can feed a column of the data contract; no value is looked at."""

import polars as pl
from polars.datatypes import DataTypeClass

from mmsearch_dagster.core.catalog.casting.cast_nested import ATTRIBUTE_MAP
from mmsearch_dagster.core.catalog.schemas import INSTANT

_URIS = "the names of picture files: a text, or a list of texts"
_MAP = "a struct of single values, a list of structs with the fields key and value, or a JSON object as text"
_TEMPORAL = (pl.Date, pl.Datetime, pl.Time, pl.Duration)
# contract type -> what it takes, and the types of single values that would come out as nonsense
_SCALARS: dict[pl.DataType, tuple[str, tuple[type[pl.DataType], ...]]] = {
    pl.String(): ("a text", (pl.Duration,)),
    pl.Float64(): ("a number", (*_TEMPORAL, pl.Binary)),
    pl.Int64(): ("a whole number", (*_TEMPORAL, pl.Binary)),
    pl.Boolean(): ("yes or no", (*_TEMPORAL, pl.Binary)),
    INSTANT: ("a time with its date", (pl.Time, pl.Duration, pl.Boolean, pl.Binary)),
}


def unmet_demand(kind: pl.DataType, wanted: pl.DataType) -> str | None:
    """What a contract column of type `wanted` takes, in words; None where `kind` can feed it."""
    if wanted == ATTRIBUTE_MAP:
        return None if _is_map(kind) else _MAP
    if isinstance(wanted, pl.List):
        return None if _are_names(kind) else _URIS
    demand, senseless = _SCALARS[wanted]
    if kind.is_nested():
        return f"one value a row: {demand}"
    return demand if isinstance(kind, senseless) else None


def _are_names(kind: pl.DataType) -> bool:
    single = kind.inner if isinstance(kind, pl.List | pl.Array) else kind
    return _is_single(single) and not isinstance(single, _TEMPORAL)


def _is_map(kind: pl.DataType) -> bool:
    if isinstance(kind, pl.List):
        return _has_single_values(kind.inner, {"key", "value"})
    return kind in (pl.String, pl.Null) or _has_single_values(kind)


def _has_single_values(kind: pl.DataType | DataTypeClass, names: set[str] | None = None) -> bool:
    if not isinstance(kind, pl.Struct):
        return False
    fields = pl.Schema(kind.to_schema())
    return names in (None, set(fields)) and all(map(_is_single, fields.values()))


def _is_single(kind: pl.DataType | DataTypeClass) -> bool:
    return not kind.is_nested() and kind not in (pl.Binary, pl.Duration)
