"""What a profile says, and that carrying it from day to day loses nothing."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.collaborative_filtering.interactions import WEIGHT, FeedbackParams
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.user_profiles import profiles

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 5
ROW = st.tuples(
    st.sampled_from(["ann", "bob", "用户"]),
    st.sampled_from(["kite", "cup"]),
    st.sampled_from(col.ACTIONS),
    st.floats(min_value=0, max_value=DAYS - 0.001),
    st.sampled_from([None, 5.0, 20.0]),
)
PRODUCTS = pl.DataFrame(
    {
        col.PRODUCT_ID: ["kite", "cup", "gift"],
        col.CATEGORY: ["Toys > Kites", "Home > Cups", None],
        col.PRICE: [20.0, 5.0, None],
    }
)
VECTORS = {"kite": np.array([1, 0], np.float32), "cup": np.array([0, 1], np.float32)}


def events(*rows: tuple[str, str, str, float, float | None]) -> pl.DataFrame:
    """(user, product, action, days after START, value)."""
    users, products, actions, days, values = zip(*rows, strict=True) if rows else ((),) * 5
    return pl.DataFrame(
        {
            col.USER_ID: users,
            col.PRODUCT_ID: products,
            col.ACTION: actions,
            col.TIMESTAMP: [START + timedelta(days=day) for day in days],
            col.VALUE: values,
        },
        schema={
            name: schemas.EVENTS[name]
            for name in (col.USER_ID, col.PRODUCT_ID, col.ACTION, col.TIMESTAMP, col.VALUE)
        },
    )


def end_of(day: int) -> datetime:
    return START + timedelta(days=day + 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(ROW, max_size=30))
def test_day_by_day_equals_all_at_once(rows: list[tuple[str, str, str, float, float | None]]) -> None:
    log = events(*rows)
    state = profiles.EMPTY
    for day in range(DAYS):
        today = (pl.col(col.TIMESTAMP) >= START + timedelta(days=day)) & (pl.col(col.TIMESTAMP) < end_of(day))
        state = profiles.advance(state, log.filter(today), end_of(day))
    whole = profiles.advance(profiles.EMPTY, log, end_of(DAYS - 1))

    assert state.rows.drop(WEIGHT).equals(whole.rows.drop(WEIGHT))
    np.testing.assert_allclose(state.rows[WEIGHT], whole.rows[WEIGHT], rtol=1e-9)
    one, other = (profiles.profiles(each, PRODUCTS, VECTORS, {}) for each in (state, whole))
    assert_frame_equal(one, other, rel_tol=1e-5, abs_tol=1e-6)


def test_a_profile_by_hand() -> None:
    log = events(
        ("ann", "kite", "purchase", 0.0, None), ("ann", "cup", "view", 0.0, None),
        ("ann", "cup", "view", 0.5, None), ("ann", "gift", "purchase", 0.5, 7.5),
        ("bob", "cup", "impression", 0.5, None),
    )  # fmt: skip
    state = profiles.advance(profiles.EMPTY, log, end_of(0), FeedbackParams(half_life_days=None))

    table = profiles.profiles(state, PRODUCTS, VECTORS, {"ann": np.array([3, 4, 5], np.float32)})

    assert table[col.USER_ID].to_list() == ["ann"]  # an impression is no event of hers
    ann = table.row(0, named=True)
    # purchase 5 of the kite, two views of 1 each of the cup; nothing is known of the gift's looks
    assert ann[profiles.VECTOR] == pytest.approx([5 / np.sqrt(29), 2 / np.sqrt(29)], abs=1e-6)
    assert ann[profiles.vector_of(profiles.BROWSE)] == [0.0, 1.0]
    assert ann[profiles.vector_of(profiles.CART)] is None
    assert [(one[col.CATEGORY], round(one[profiles.SHARE], 4)) for one in ann[profiles.CATEGORIES]] == [
        ("Toys > Kites", round(5 / 7, 4)),
        ("Home > Cups", round(2 / 7, 4)),
    ]
    mean = (5 * np.log(21) + 2 * np.log(6)) / 7
    spread = np.sqrt((5 * (np.log(21) - mean) ** 2 + 2 * (np.log(6) - mean) ** 2) / 7)
    assert (ann[profiles.PRICE_MEAN], ann[profiles.PRICE_SPREAD]) == pytest.approx((mean, spread))
    assert (ann[profiles.FREQUENCY], ann[profiles.MONETARY], ann[profiles.EVENTS]) == (2, 27.5, 4)
    assert ann[profiles.RECENCY] == pytest.approx(0.5)
    assert ann[profiles.FACTORS] == [3.0, 4.0, 5.0]
    assert (ann[profiles.LAST_SEEN], ann[profiles.AS_OF]) == (START + timedelta(days=0.5), end_of(0))


def test_a_cold_user_has_no_factors_and_unknown_products_no_vector() -> None:
    state = profiles.advance(profiles.EMPTY, events(("ann", "gift", "view", 0.1, None)), end_of(0))

    ann = profiles.profiles(state, PRODUCTS, VECTORS, {"bob": np.ones(2, np.float32)}).row(0, named=True)

    assert (
        ann[profiles.FACTORS],
        ann[profiles.VECTOR],
        ann[profiles.CATEGORIES],
        ann[profiles.PRICE_MEAN],
    ) == (None,) * 4


def test_a_log_without_events_has_no_profiles_but_the_same_columns() -> None:
    nobody = profiles.profiles(profiles.advance(profiles.EMPTY, events(), end_of(0)), PRODUCTS, {}, {})

    assert nobody.is_empty()
    assert {col.USER_ID, profiles.VECTOR, profiles.FACTORS, profiles.CATEGORIES, profiles.AS_OF} <= set(
        nobody.columns
    )


def test_time_does_not_run_backwards() -> None:
    state = profiles.advance(profiles.EMPTY, events(), end_of(3))

    with pytest.raises(MmsearchError, match="taken back"):
        profiles.advance(state, events(), end_of(2))
    with pytest.raises(MmsearchError, match="cannot hold an event"):
        profiles.advance(state, events(("ann", "cup", "view", 4.5, None)), end_of(3))
