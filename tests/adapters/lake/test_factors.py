"""Factors come back from disk as they were written."""

from pathlib import Path

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake.factors import load_factors, save_factors
from mmsearch_dagster.core.collaborative_filtering.factors import Factors, no_factors


def test_factors_read_back_the_same(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    users, items, fold_in = (draw.normal(size=(n, 4)).astype(np.float32) for n in (3, 2, 2))
    save_factors(
        tmp_path, Factors(("a", "b", "用户"), ("p", "q"), users, items, fold_in), np.ones(2, np.float32)
    )

    found, popularity = load_factors(tmp_path)

    assert (found.user_ids, found.item_ids) == (("a", "b", "用户"), ("p", "q"))
    for one, other in ((found.users, users), (found.items, items), (found.fold_in, fold_in)):
        assert np.array_equal(one, other)
    assert popularity.tolist() == [1.0, 1.0]
    assert pl.read_parquet(tmp_path / "table.parquet").schema["vector"] == pl.Array(pl.Float32, 4)


def test_no_factors_are_tables_without_rows(tmp_path: Path) -> None:
    save_factors(tmp_path, no_factors(), np.zeros(0, np.float32))

    found, _ = load_factors(tmp_path)
    assert found.item_ids == ()
    assert pl.read_parquet(tmp_path / "table.parquet").height == 0
