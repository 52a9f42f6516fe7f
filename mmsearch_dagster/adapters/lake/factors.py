"""File format of collaborative factors: item vectors as any feature snapshot, the rest beside it."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.collaborative_filtering.factors import Factors, Matrix

VECTOR = "vector"
POPULARITY = "popularity"
_ITEMS = "table.parquet"
_USERS = "users.parquet"
_FOLD_IN = "fold_in.parquet"


def save_factors(folder: Path, factors: Factors, popularity: NDArray[np.float32]) -> None:
    """Writes `table.parquet` (product_id, vector), `users.parquet` and `fold_in.parquet`.

    Args:
        folder: where the files go.
        factors: of users and items.
        popularity: float32 [n], how many users chose each item, in the order of the factors' items.
    """
    _frame(col.PRODUCT_ID, factors.item_ids, factors.items).write_parquet(folder / _ITEMS)
    _frame(col.USER_ID, factors.user_ids, factors.users).write_parquet(folder / _USERS)
    fold_in = _frame(col.PRODUCT_ID, factors.item_ids, factors.fold_in)
    fold_in.with_columns(pl.Series(POPULARITY, popularity, dtype=pl.Float32)).write_parquet(folder / _FOLD_IN)


def load_factors(folder: Path) -> tuple[Factors, NDArray[np.float32]]:
    """Reads what `save_factors` wrote.

    Args:
        folder: where the files are.

    Returns:
        The factors, and the popularity of each item, float32 [n].
    """
    items, users, fold_in = (pl.read_parquet(folder / name) for name in (_ITEMS, _USERS, _FOLD_IN))
    factors = Factors(
        user_ids=tuple(users[col.USER_ID].to_list()),
        item_ids=tuple(items[col.PRODUCT_ID].to_list()),
        users=users[VECTOR].to_numpy(),
        items=items[VECTOR].to_numpy(),
        fold_in=fold_in[VECTOR].to_numpy(),
    )
    return factors, fold_in[POPULARITY].to_numpy()


def _frame(key: str, ids: tuple[str, ...], matrix: Matrix) -> pl.DataFrame:
    schema = {key: pl.String, VECTOR: pl.Array(pl.Float32, matrix.shape[1])}
    return pl.DataFrame({key: list(ids), VECTOR: matrix}, schema=schema)
