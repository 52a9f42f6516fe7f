"""Rows that are pictures or variants of one record become that record."""

import polars as pl

from mmsearch_dagster.core.catalog.columns import (
    ATTRIBUTES,
    CATEGORY,
    EMPTIED,
    GROUP,
    IMAGE_URIS,
    IN_STOCK,
    PATHS_SEPARATOR,
    PROBLEMS,
    ROW,
    SOURCE,
)

_KEY, _VALUE = "key", "value"
_VALUES_SEPARATOR = "|"


def merge_groups(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each value of GROUP, at the place of its first row.

    Args:
        rows: rows of a contract table as cast, with GROUP; a row without one stays alone.

    Returns:
        The rows without GROUP. Of single values the first that is not empty; in stock where one row is; all
        pictures, categories and attributes, each once.
    """
    lonely = rows.filter(pl.col(GROUP).is_null()).drop(GROUP)
    grouped = rows.filter(pl.col(GROUP).is_not_null())
    keep = [name for name in rows.columns if name != GROUP]
    merged = grouped.group_by(GROUP, maintain_order=True).agg(
        [_merged(name, rows.schema[name]) for name in keep]
    )
    if IMAGE_URIS in keep:
        images = pl.col(IMAGE_URIS)
        merged = merged.with_columns(pl.when(images.list.len() > 0).then(images))
    return pl.concat([merged.select(keep), lonely.select(keep)]).sort(SOURCE, ROW)


def _merged(name: str, kind: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if name == IN_STOCK:
        return _any_in_stock(value)
    if name == CATEGORY:
        paths = value.drop_nulls().str.split(PATHS_SEPARATOR).explode().unique(maintain_order=True)
        return pl.when(value.is_not_null().any()).then(paths.str.join(PATHS_SEPARATOR)).alias(name)
    if name == ATTRIBUTES:
        return (
            value.drop_nulls().explode().implode().map_elements(_merged_pairs, return_dtype=kind).alias(name)
        )
    if name in (PROBLEMS, EMPTIED):
        return value.explode().drop_nulls().unique(maintain_order=True).alias(name)
    if isinstance(kind, pl.List):
        return value.drop_nulls().explode().drop_nulls().unique(maintain_order=True).alias(name)
    return value.drop_nulls().first().alias(name)


def _any_in_stock(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_not_null().any()).then(value.any()).alias(IN_STOCK)


def _merged_pairs(pairs: pl.Series) -> list[dict[str, str]] | None:
    values: dict[str, dict[str, None]] = {}
    for pair in pairs.drop_nulls():
        if pair and pair[_KEY] is not None:
            values.setdefault(pair[_KEY], {})[pair[_VALUE]] = None
    merged = [{_KEY: key, _VALUE: _VALUES_SEPARATOR.join(values[key])} for key in sorted(values)]
    return merged or None
