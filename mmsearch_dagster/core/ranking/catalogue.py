"""The catalogue as the ranker reads it."""

import polars as pl

from mmsearch_dagster.core import columns as c
from mmsearch_dagster.core.modalities import ModalityBatch
from mmsearch_dagster.core.ranking.features import Items, Values
from mmsearch_dagster.core.ranking.spaces import space_of
from mmsearch_dagster.core.reviews import SMOOTHED


def items_of(products: pl.DataFrame, batch: ModalityBatch, ratings: pl.DataFrame) -> Items:
    """In the order of `batch`. ratings: what core.reviews.smoothed_ratings gives."""
    space = space_of(batch)
    ordered = (
        pl.DataFrame({c.PRODUCT_ID: list(batch.ids)}, schema={c.PRODUCT_ID: pl.String})
        .join(products, on=c.PRODUCT_ID, how="left", maintain_order="left")
        .join(ratings, on=c.PRODUCT_ID, how="left", maintain_order="left")
    )
    updated = ordered[c.UPDATED_AT].dt.epoch("us").cast(pl.Float64) / 1e6
    return Items(
        ids=batch.ids,
        vectors=space.vectors,
        factors=None,
        price=_floats(ordered[c.PRICE]),
        rating=_floats(ordered[SMOOTHED]),
        updated=_floats(updated),
        categories=tuple(ordered[c.CATEGORY].to_list()),
        blocks=space.blocks,
    )


def _floats(column: pl.Series) -> Values:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
