"""Nothing moved is zero; what moved is named."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.monitoring.drift import (
    MISSING_NOW,
    data_findings,
    event_traits,
    population_stability_index,
    product_traits,
    table_drift,
    vector_drift,
)
from mmsearch_dagster.core.monitoring.policy import MonitoringPolicy


def columns_of(values: st.SearchStrategy, dtype: type[pl.DataType]) -> st.SearchStrategy[pl.Series]:
    return st.lists(st.none() | values, min_size=1).map(lambda some: pl.Series(some, dtype=dtype))


columns = st.one_of(
    columns_of(st.floats(allow_infinity=False), pl.Float64),
    columns_of(st.text(max_size=3), pl.String),
    columns_of(st.booleans(), pl.Boolean),
)


@given(before=columns)
@settings(deadline=None)
def test_a_column_beside_itself_has_not_moved(before: pl.Series) -> None:
    assert population_stability_index(before, before) == 0.0
    assert population_stability_index(before, before.reverse()) == 0.0


@given(data=st.data(), before=columns)
@settings(deadline=None)
def test_the_index_is_never_negative_and_the_order_of_rows_is_nothing(
    data: st.DataObject, before: pl.Series
) -> None:
    now = data.draw(columns.filter(lambda one: one.dtype == before.dtype))
    assert population_stability_index(before, now) >= 0
    assert population_stability_index(before.reverse(), now.reverse()) == population_stability_index(
        before, now
    )


def test_the_index_is_that_of_the_formula() -> None:
    before, now = pl.Series(["a"] * 80 + ["b"] * 20), pl.Series(["a"] * 50 + ["b"] * 50)
    p, q = np.array([50.5, 50.5]) / 101, np.array([80.5, 20.5]) / 101
    assert population_stability_index(before, now) == pytest.approx(((p - q) * np.log(p / q)).sum(), abs=1e-6)


def test_dearer_products_and_a_new_kind_are_named_and_a_long_tail_is_not() -> None:
    brands = [f"brand {n}" for n in range(200)]
    before = shop(["Shoes"] * 200, np.linspace(10, 60, 200), brands)
    now = shop(["Shoes"] * 120 + ["Toys"] * 80, np.linspace(40, 90, 200), brands[::-1])
    assert subjects(before, now) == {"top category", col.PRICE}
    assert subjects(before, before) == set()


def test_a_column_that_falls_silent_has_drifted() -> None:
    before = shop(["Shoes"] * 50, np.full(50, 5.0), ["x"] * 50)
    now = before.with_columns(pl.lit(None, pl.String).alias(col.BRAND))
    table = table_drift(product_traits(before), product_traits(now))
    found = data_findings(table, MonitoringPolicy())
    assert {(one.subject, one.measure) for one in found} == {(col.BRAND, "PSI"), (col.BRAND, "missing share")}
    assert table.filter(column=col.BRAND)[MISSING_NOW].item() == 1.0


def test_a_figure_beyond_its_bound_that_may_be_chance_is_no_finding() -> None:
    """Of ten products, four with another category are a large index and no evidence."""
    before, now = (
        shop(["Shoes"] * 8 + ["Toys"] * 2, np.full(10, 5.0), ["x"] * 10),
        shop(["Shoes"] * 4 + ["Toys"] * 6, np.full(10, 5.0), ["x"] * 10),
    )
    table = table_drift(product_traits(before), product_traits(now))
    assert table.filter(column="top category")["stability"].item() > 0.25
    assert data_findings(table, MonitoringPolicy()) == []


def test_an_empty_table_says_nothing() -> None:
    empty = event_traits(schemas.EVENTS.to_frame())
    assert data_findings(table_drift(empty, empty), MonitoringPolicy()) == []


def subjects(before: pl.DataFrame, now: pl.DataFrame) -> set[str]:
    """The columns of products that drifted."""
    table = table_drift(product_traits(before), product_traits(now))
    return {finding.subject for finding in data_findings(table, MonitoringPolicy())}


def shop(kinds: list[str], prices: np.ndarray, brands: list[str]) -> pl.DataFrame:
    told = pl.DataFrame(
        {col.CATEGORY: [f"{kind} > All" for kind in kinds], col.PRICE: prices, col.BRAND: brands}
    )
    return pl.concat(
        [schemas.PRODUCTS.to_frame(), told.with_columns(pl.lit("a thing").alias(col.TITLE))],
        how="diagonal",
    )


def test_vectors_that_stayed_have_not_moved_and_a_turned_cloud_has() -> None:
    draw = np.random.default_rng(3)
    cloud = (draw.normal(size=(400, 8)) * 0.2 + np.eye(8)[0]).astype(np.float32)
    everyone = np.ones(400, bool)
    same = vector_drift((cloud, everyone), (cloud[::-1], everyone))
    assert (same.centroid, same.share_before, same.share_now) == (0.0, 1.0, 1.0)
    assert same.outside <= 0.01
    turned = vector_drift((cloud, everyone), (np.roll(cloud, 1, axis=1), everyone))
    assert turned.centroid > 0.5
    assert turned.outside > 0.9


def test_missing_vectors_are_counted_and_not_measured() -> None:
    cloud = np.eye(4, dtype=np.float32)
    some, none = np.array([True, True, False, False]), np.zeros(4, bool)
    assert vector_drift((cloud, some), (cloud, some)).centroid == 0.0
    gone = vector_drift((cloud, some), (cloud, none))
    assert (gone.share_before, gone.share_now) == (0.5, 0.0)
    assert np.isnan(gone.centroid)
