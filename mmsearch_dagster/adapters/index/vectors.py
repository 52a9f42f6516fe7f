"""Vector columns of the LanceDB table: one vector per product, or a list of several."""

from typing import TYPE_CHECKING

import numpy as np

from mmsearch_dagster.core.catalog.columns import PRODUCT_ID
from mmsearch_dagster.core.modalities import Matrix

if TYPE_CHECKING:
    import pyarrow as pa


def vector_width(kind: "pa.DataType") -> int | None:
    """How many numbers a vector of a column of this type has; None for what is no vector column."""
    if hasattr(kind, "list_size"):
        return int(kind.list_size)
    return int(kind.value_type.list_size) if hasattr(getattr(kind, "value_type", None), "list_size") else None


def vectors_of(rows: "pa.Table", column: str, width: int) -> tuple[list[str], Matrix]:
    """The vectors of these rows, none of them null, and the product of each.

    Returns:
        m ids, a product of several vectors several times, and float32 [m, width].
    """
    import pyarrow as pa

    ids, values = rows[PRODUCT_ID].to_pylist(), rows[column].combine_chunks()
    if not pa.types.is_fixed_size_list(values.type):
        counts = values.value_lengths().to_pylist()
        ids = [key for key, count in zip(ids, counts, strict=True) for _ in range(count)]
        values = values.flatten()
    flat = values.flatten().to_numpy(zero_copy_only=False)
    return ids, flat.astype(np.float32).reshape(-1, width)
