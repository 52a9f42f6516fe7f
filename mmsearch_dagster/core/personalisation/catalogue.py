"""Products as the personal ranker reads them: item vectors, categories, prices."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.reviews import SMOOTHED, smoothed_ratings
from mmsearch_dagster.core.modalities import ModalityBatch
from mmsearch_dagster.core.personalisation.features import Items, Values
from mmsearch_dagster.core.personalisation.spaces import space_of


def items_of(products: pl.DataFrame, batch: ModalityBatch, ratings: pl.DataFrame) -> Items:
    """The products as the ranker reads them.

    Args:
        products: rows of the products table.
        batch: `i` products with their vectors; its order is kept.
        ratings: what core.catalog.reviews.smoothed_ratings returns.

    Returns:
        The items, without collaborative factors.
    """
    space = space_of(batch)
    ordered = _in_order(batch.ids, products)
    updated = ordered[col.UPDATED_AT].dt.epoch("us").cast(pl.Float64) / 1e6
    return Items(
        ids=batch.ids,
        vectors=space.vectors,
        factors=None,
        price=_floats(ordered[col.PRICE]),
        rating=_floats(_in_order(batch.ids, ratings)[SMOOTHED]),
        updated=_floats(updated),
        categories=tuple(ordered[col.CATEGORY].to_list()),
        blocks=space.blocks,
    )


def ratings_before(ids: Sequence[str], reviews: pl.DataFrame, moment: datetime) -> Values:
    """Smoothed rating of every product by the reviews before a moment.

    Args:
        ids: ids of the `i` products.
        reviews: rows of the reviews table; one without a date does not count.
        moment: later reviews are left out.

    Returns:
        float64 [i], NaN without a review.
    """
    before = smoothed_ratings(reviews.filter(pl.col(col.TIMESTAMP) < moment))
    return _floats(_in_order(ids, before)[SMOOTHED])


def _in_order(ids: Sequence[str], table: pl.DataFrame) -> pl.DataFrame:
    wanted = pl.DataFrame({col.PRODUCT_ID: list(ids)}, schema={col.PRODUCT_ID: pl.String})
    return wanted.join(table, on=col.PRODUCT_ID, how="left", maintain_order="left")


def _floats(column: pl.Series) -> Values:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
