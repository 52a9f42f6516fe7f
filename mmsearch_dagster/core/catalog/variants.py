"""Variants of one product: what they take over from the row of the product, and which rows name them."""

import polars as pl

from mmsearch_dagster.core.catalog.columns import (
    ATTRIBUTES,
    HIDDEN,
    IMAGE_URIS,
    IN_STOCK,
    PARENT_ID,
    PRODUCT_ID,
)
from mmsearch_dagster.core.catalog.schemas import PRODUCTS

STANDS_FOR_VARIANTS = "the row of a product whose variants have rows of their own"
HIDDEN_PRODUCT = "the mapping's `where_product` leaves their product out"

_INHERITED = [
    name for name in PRODUCTS if name not in (PRODUCT_ID, PARENT_ID, ATTRIBUTES, IMAGE_URIS, IN_STOCK)
]
_OF_PARENT = "\x00parent."
_KEY, _VALUE = "key", "value"


def with_parents(rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Variants with what only the row of their product says; those rows themselves go.

    Args:
        rows: the table of products as cast, perhaps with HIDDEN.

    Returns:
        The rows without HIDDEN, and how many were left out and why. A variant takes over each value that it
        lacks; of attributes those that it does not have itself.
    """
    if HIDDEN not in rows.columns:
        rows = rows.with_columns(pl.lit(False).alias(HIDDEN))
    parent_ids = rows[PARENT_ID].drop_nulls()
    stands_for = pl.col(PARENT_ID).is_null() & pl.col(PRODUCT_ID).is_in(parent_ids.implode())
    parents = rows.filter(stands_for).unique(PRODUCT_ID, keep="first", maintain_order=True)
    variants = rows.filter(~stands_for.fill_null(False)) if parents.height else rows
    left_out = {STANDS_FOR_VARIANTS: rows.height - variants.height}
    if parents.height:
        variants = _inherited(variants, parents)
    shown = variants.filter(~pl.col(HIDDEN).fill_null(False)).drop(HIDDEN)
    left_out[HIDDEN_PRODUCT] = variants.height - shown.height
    return shown, {sentence: count for sentence, count in left_out.items() if count}


def _inherited(variants: pl.DataFrame, parents: pl.DataFrame) -> pl.DataFrame:
    taken = [*_INHERITED, ATTRIBUTES, IMAGE_URIS, IN_STOCK, HIDDEN]
    beside = parents.select(
        pl.col(PRODUCT_ID).alias(PARENT_ID),
        *(pl.col(name).alias(_OF_PARENT + name) for name in taken),
    )
    joined = variants.join(beside, on=PARENT_ID, how="left", maintain_order="left")
    columns = [
        pl.coalesce(name, _OF_PARENT + name).alias(name) for name in (*_INHERITED, IMAGE_URIS, IN_STOCK)
    ]
    hidden = pl.coalesce(_OF_PARENT + HIDDEN, HIDDEN).alias(HIDDEN)
    return joined.with_columns(*columns, _both(ATTRIBUTES), hidden).select(variants.columns)


def _both(name: str) -> pl.Expr:
    """The variant's attributes and those of its product that it does not have."""

    def merged(pair: dict[str, list[dict[str, str]] | None]) -> list[dict[str, str]] | None:
        values = {entry[_KEY]: entry[_VALUE] for entry in (*(pair["parent"] or ()), *(pair["variant"] or ()))}
        return [{_KEY: key, _VALUE: values[key]} for key in sorted(values)] or None

    both = pl.struct(variant=pl.col(name), parent=pl.col(_OF_PARENT + name))
    return both.map_elements(merged, return_dtype=PRODUCTS[name]).alias(name)


def naming_variants(rows: pl.DataFrame, products: pl.DataFrame, *, each: bool) -> pl.DataFrame:
    """Rows that name a parent name its variants instead.

    Args:
        rows: a table with `product_id`.
        products: the catalogue; old ones have no `parent_id`.
        each: one row for each variant (a judgment holds for all of them), else for the first alone (an event
            happened once).

    Returns:
        The rows; those that name a product are as they were.
    """
    if PARENT_ID not in products.columns:
        return rows
    ids = products[PRODUCT_ID]
    variants = (
        products.select(PARENT_ID, pl.col(PRODUCT_ID).alias(_OF_PARENT))
        .drop_nulls()
        .filter(~pl.col(PARENT_ID).is_in(ids.implode()))
        .sort(PARENT_ID, _OF_PARENT)
    )
    if not each:
        variants = variants.unique(PARENT_ID, keep="first", maintain_order=True)
    joined = rows.join(variants, left_on=PRODUCT_ID, right_on=PARENT_ID, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(_OF_PARENT, PRODUCT_ID).alias(PRODUCT_ID)).select(rows.columns)
