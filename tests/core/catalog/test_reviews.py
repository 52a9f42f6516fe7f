from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.catalog.reviews import (
    HELPFUL,
    VOTES,
    ordered_by_usefulness,
    smoothed_ratings,
)
from mmsearch_dagster.core.catalog.schemas import REVIEWS


def reviews(*rows: tuple[str, float | None, str | None]) -> pl.DataFrame:
    """Each row: product, rating, text."""
    return pl.DataFrame(
        [
            {"review_id": f"r{n}", "product_id": p, "rating": rating, "text": text,
             "timestamp": datetime(2026, 1, 1 + n, tzinfo=UTC)}
            for n, (p, rating, text) in enumerate(rows)
        ],
        schema=REVIEWS,
    )  # fmt: skip


def test_few_ratings_stay_near_the_mean_of_the_shop() -> None:
    frame = reviews(("a", 5.0, None), *[("b", 3.0, None)] * 3, ("c", 9.0, None), ("c", None, None))
    # m = 14 / 4 = 3.5: a (5 * 3.5 + 5) / 6, b (5 * 3.5 + 9) / 8; what is no rating from 1 to 5 says nothing.
    assert smoothed_ratings(frame).rows() == [("a", 22.5 / 6, 1), ("b", 26.5 / 8, 3)]
    assert smoothed_ratings(reviews()).height == 0


def test_a_long_and_specific_review_comes_first() -> None:
    frame = reviews(
        ("a", 5.0, "great"),
        ("a", 4.0, "The zip of the left pocket jams when it is cold, otherwise warm enough for minus ten"),
        ("a", 1.0, None),
        ("b", 5.0, "great"),
    )
    ordered = ordered_by_usefulness(frame)
    assert ordered["review_id"].to_list() == ["r1", "r0", "r2", "r3"]
    assert set(ordered.columns) == {*frame.columns, "usefulness"}


def test_chinese_counts_by_characters() -> None:
    ordered = ordered_by_usefulness(reviews(("a", 3.0, "好"), ("a", 3.0, "左边口袋的拉链天冷时会卡住")))
    assert ordered["review_id"].to_list() == ["r1", "r0"]


def test_votes_count_where_the_shop_keeps_them() -> None:
    frame = reviews(("a", 3.0, "same words"), ("a", 3.0, "same words"), ("a", 3.0, "same words"))
    voted = frame.with_columns(pl.Series(HELPFUL, [1, 90, 0]), pl.Series(VOTES, [1, 100, 0]))
    assert ordered_by_usefulness(voted)["review_id"].to_list() == ["r1", "r2", "r0"]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.none() | st.floats(1, 5), st.none() | st.text(max_size=40)))
)
def test_usefulness_lies_between_zero_and_one(rows: list[tuple[str, float | None, str | None]]) -> None:
    ordered = ordered_by_usefulness(reviews(*rows[:20]))
    assert ordered.height == min(len(rows), 20)
    assert ordered["usefulness"].is_between(0, 1).all()
    rated = smoothed_ratings(reviews(*rows[:20]))
    assert rated["smoothed_rating"].is_between(1 - 1e-9, 5 + 1e-9).all()


def test_equal_reviews_are_ordered_newest_first() -> None:
    ordered = ordered_by_usefulness(reviews(("a", 3.0, "x"), ("a", 3.0, "x")))
    assert ordered["review_id"].to_list() == ["r1", "r0"]
    assert ordered["usefulness"][0] == pytest.approx(ordered["usefulness"][1])
