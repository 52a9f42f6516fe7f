"""Rows of the search index made of features: what the index stores of each product."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.modalities import IMAGE, Matrix, ModalityBatch, mean_frames
from mmsearch_dagster.core.retrieval.rank_fusion import SEARCH_TEXT, VECTOR, modality_column
from mmsearch_dagster.core.text.full_text import product_full_text
from mmsearch_dagster.pipeline.features.encode import product_text


def index_rows(
    products: pl.DataFrame,
    items: ModalityBatch | None = None,
    fused: Matrix | None = None,
    frames: Mapping[str, int] | None = None,
) -> pl.DataFrame:
    """Payload and search text of every product; with `items` and `fused` also the vectors.

    items: may have a row per picture of a product; then its image and fused vectors are lists.
    fused: float32 [n, d], in the order of `items`. Missing modalities are null, not zero.
    frames: modality -> vectors per row, of those with more than one; the index holds their mean.
    """
    texts = [product_full_text(product_text(row)) for row in products.iter_rows(named=True)]
    rows = products.with_columns(pl.Series(SEARCH_TEXT, texts, dtype=pl.String))
    if items is None or fused is None:
        return rows
    columns = {VECTOR: _column(fused, np.linalg.norm(fused, axis=1) > 0)}
    for name, matrix in items.vectors.items():
        several = (frames or {}).get(name, 1)
        vectors_of_rows = matrix if several == 1 else mean_frames(matrix, several)
        columns[modality_column(name)] = _column(vectors_of_rows, items.present[name])
    vectors = by_product(pl.DataFrame({col.PRODUCT_ID: list(items.ids), **columns}))
    return rows.join(vectors, on=col.PRODUCT_ID, how="inner", maintain_order="left")


def by_product(views: pl.DataFrame) -> pl.DataFrame:
    """One row per product of vectors with a row per picture.

    Where any product has several, what differs from picture to picture becomes a list.
    """
    if views[col.PRODUCT_ID].is_unique().all():
        return views
    each = [name for name in (VECTOR, modality_column(IMAGE)) if name in views.columns]
    rest = [name for name in views.columns if name not in (col.PRODUCT_ID, *each)]
    lists = [pl.col(name).drop_nulls() for name in each]
    grouped = views.group_by(col.PRODUCT_ID, maintain_order=True).agg(*lists, pl.col(rest).first())
    return grouped.with_columns(pl.when(pl.col(name).list.len() > 0).then(name) for name in each)


def _column(matrix: Matrix, present: np.ndarray) -> pl.Series:
    values = pl.Series(matrix, dtype=pl.Array(pl.Float32, matrix.shape[1]))
    mask = pl.Series(present)
    return pl.select(pl.when(mask).then(values)).to_series()
