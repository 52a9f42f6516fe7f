"""Events become weights, weights a matrix; the order of rows changes nothing."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.collaborative_filtering.interactions import (
    FeedbackParams,
    decay,
    feedback,
    interactions_of,
    weighted_pairs,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AGES = st.floats(min_value=0, max_value=5000, allow_nan=False)


def events(*rows: tuple[str, str, str, float, float | None]) -> pl.DataFrame:
    """(user, product, action, days before NOW, value)."""
    return pl.DataFrame(
        {
            col.USER_ID: [row[0] for row in rows],
            col.PRODUCT_ID: [row[1] for row in rows],
            col.ACTION: [row[2] for row in rows],
            col.TIMESTAMP: [NOW - timedelta(days=row[3]) for row in rows],
            col.VALUE: [row[4] for row in rows],
        },
        schema={
            name: schemas.EVENTS[name]
            for name in (col.USER_ID, col.PRODUCT_ID, col.ACTION, col.TIMESTAMP, col.VALUE)
        },
    )


def test_an_event_of_one_half_life_ago_counts_half() -> None:
    log = events(("u", "p", "purchase", 30.0, None), ("u", "p", "view", 0.0, None))

    pairs = weighted_pairs(log, FeedbackParams(half_life_days=30.0), NOW)

    assert pairs.rows() == [("u", "p", 5.0 / 2 + 1.0)]


def test_impressions_and_low_ratings_say_nothing() -> None:
    log = events(("u", "a", "impression", 0, None), ("u", "b", "rate", 0, 3.5), ("u", "c", "rate", 0, 4.0))

    assert feedback(log, FeedbackParams())[col.PRODUCT_ID].to_list() == ["c"]


def test_binary_feedback_counts_each_pair_once() -> None:
    log = events(("u", "a", "view", 0, None), ("u", "a", "purchase", 90, None), ("v", "a", "click", 9, None))

    found = interactions_of(log, FeedbackParams(binary=True))

    assert found.users == ("u", "v")
    assert found.matrix.toarray().tolist() == [[1.0], [1.0]]


def test_a_log_without_feedback_is_an_empty_matrix() -> None:
    assert interactions_of(events(), FeedbackParams()).matrix.shape == (0, 0)
    assert interactions_of(events(("u", "a", "impression", 0, None)), FeedbackParams()).items == ()


def test_ids_of_any_script_are_kept() -> None:
    found = interactions_of(events(("用户", "Ünïcode ☂", "view", 0, None)), FeedbackParams())

    assert (found.users, found.items) == (("用户",), ("Ünïcode ☂",))


@given(AGES, AGES, st.floats(min_value=0.1, max_value=400))
def test_decay_never_rises_with_age(one: float, other: float, half_life: float) -> None:
    young, old = sorted((one, other))
    ages = pl.DataFrame({"age": [young, old]})
    first, second = ages.select(decay(pl.col("age"), half_life)).to_series().to_list()

    assert 0.0 <= second <= first <= 1.0


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_log_changes_no_byte(random: object) -> None:
    rows = [(f"u{n % 3}", f"p{n % 4}", ("view", "purchase")[n % 2], n * 0.37, None) for n in range(20)]
    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    first, second = (interactions_of(events(*one), FeedbackParams()) for one in (rows, mixed))

    assert first.matrix.data.tobytes() == second.matrix.data.tobytes()
    assert (first.users, first.items) == (second.users, second.items)


def test_rows_of_unknown_users_are_empty() -> None:
    found = interactions_of(
        events(("u", "a", "view", 0, None), ("v", "b", "view", 0, None)), FeedbackParams()
    )

    assert np.array_equal(found.rows_of(("nobody", "v")).toarray(), [[0.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize("field", ["view", "half_life_days"])
def test_impossible_weights_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        FeedbackParams.model_validate({field: -1.0})
