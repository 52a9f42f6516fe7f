from datetime import timedelta
from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.catalog.schemas import EVENTS
from mmsearch_dagster.core.labels.result_pages import result_lists, split_by_time
from tests.core.personalisation.shop import START, log


def events(*rows: tuple[str | None, str, str, int | None, float]) -> pl.DataFrame:
    """Each row: query id, action, product, position, minutes after the start."""
    return pl.DataFrame(
        [
            {"query_id": q, "session_id": "s", "user_id": "u", "action": a, "product_id": p, "position": at,
             "timestamp": START + timedelta(minutes=m)}
            for q, a, p, at, m in rows
        ],
        schema=EVENTS,
    )  # fmt: skip


def test_each_shown_product_carries_the_best_that_became_of_it() -> None:
    lists = result_lists(
        events(
            ("q", "impression", "a", 1, 0), ("q", "impression", "b", 2, 0), ("q", "impression", "c", 3, 0),
            ("q", "click", "b", 2, 1), ("q", "purchase", "b", None, 2), ("q", "view", "c", None, 3),
            ("other", "purchase", "a", None, 2), ("q", "click", "never shown", 1, 1),
        )
    )  # fmt: skip
    assert lists.select("product_id", "position", "grade").rows() == [("a", 0, 0), ("b", 1, 3), ("c", 2, 1)]


def test_without_a_query_id_the_session_is_the_page_and_a_repeat_counts_once() -> None:
    lists = result_lists(
        events(
            (None, "impression", "a", 0, 0),
            (None, "impression", "a", 4, 0),
            (None, "impression", "b", None, 0),
        )
    )
    assert lists.select("list_id", "product_id", "position").rows() == [("s", "a", 0)]


def test_a_log_without_impressions_has_no_pages() -> None:
    lists = result_lists(events(("q", "click", "a", 0, 0)))
    split = split_by_time(lists)
    assert (lists.height, split.test.height, split.begins_test) == (0, 0, None)


@given(st.floats(0.05, 0.4), st.floats(0.05, 0.4))
def test_the_split_is_by_time_and_loses_nothing(validation: float, test: float) -> None:
    lists = result_lists(log(40))
    split = split_by_time(lists, validation=validation, test=test)
    parts = [part for part in (split.train, split.validation, split.test) if part.height]
    assert sum(part.height for part in parts) == lists.height
    for earlier, later in pairwise(parts):
        assert earlier["timestamp"].max() < later["timestamp"].min()  # type: ignore[operator]
