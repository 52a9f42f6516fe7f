"""What the index stores of each product."""

import numpy as np
import polars as pl

from mmsearch_dagster.core import columns as c
from mmsearch_dagster.core.modalities import Matrix, ModalityBatch
from mmsearch_dagster.core.retrieval import SEARCH_TEXT, VECTOR, modality_column
from mmsearch_dagster.defs.features.steps import product_text


def index_rows(
    products: pl.DataFrame, items: ModalityBatch | None = None, fused: Matrix | None = None
) -> pl.DataFrame:
    """Payload and search text of every product; with `items` and `fused` also the vectors.

    fused: float32 [n, d], in the order of `items`. Missing modalities are null, not zero.
    """
    texts = [product_text(row) for row in products.iter_rows(named=True)]
    rows = products.with_columns(pl.Series(SEARCH_TEXT, texts, dtype=pl.String))
    if items is None or fused is None:
        return rows
    columns = {VECTOR: _column(fused, np.linalg.norm(fused, axis=1) > 0)}
    for name, matrix in items.vectors.items():
        columns[modality_column(name)] = _column(matrix, items.present[name])
    vectors = pl.DataFrame({c.PRODUCT_ID: list(items.ids), **columns})
    return rows.join(vectors, on=c.PRODUCT_ID, how="inner", maintain_order="left")


def _column(matrix: Matrix, present: np.ndarray) -> pl.Series:
    values = pl.Series(matrix, dtype=pl.Array(pl.Float32, matrix.shape[1]))
    mask = pl.Series(present)
    return pl.select(pl.when(mask).then(values)).to_series()
