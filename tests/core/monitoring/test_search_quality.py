"""What people did with their answers, day by day."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.monitoring.search_quality import by_day, by_search, click_change, share_change

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def log(clicked: list[list[bool]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One list per day, one entry per search."""
    searches, events = [], []
    for day, found in enumerate(clicked):
        for number, click in enumerate(found):
            key, moment = f"{day}-{number}", START + timedelta(days=day)
            searches.append({col.QUERY_ID: key, col.TIMESTAMP: moment})
            events.append({col.QUERY_ID: key, col.ACTION: "impression", col.POSITION: 1})
            if click:
                events += [
                    {col.QUERY_ID: key, col.ACTION: one, col.POSITION: 4} for one in ("click", "purchase")
                ]
                events.append({col.QUERY_ID: key, col.ACTION: "click", col.POSITION: 2})
    return (
        pl.concat([schemas.SEARCHES.to_frame(), pl.DataFrame(searches)], how="diagonal_relaxed"),
        pl.concat([schemas.EVENTS.to_frame(), pl.DataFrame(events)], how="diagonal_relaxed"),
    )


def test_a_day_has_its_shares_and_the_best_rank_chosen() -> None:
    days = by_day(by_search(*log([[True, False], [False]])))
    assert days.row(0, named=True) == {
        "day": START.date(),
        "searches": 2,
        "with results": 1.0,
        "with a click": 0.5,
        "with a purchase": 0.5,
        "mean reciprocal rank": 0.5,
    }
    assert days.row(1, named=True)["mean reciprocal rank"] is None


def test_a_search_without_any_event_had_no_result() -> None:
    searches, events = log([[True, True]])
    assert by_day(by_search(searches, events.clear()))["with results"].to_list() == [0.0]


def test_clicks_that_fall_are_seen_and_those_that_stay_are_not() -> None:
    often, seldom = [True] * 40 + [False] * 10, [True] * 10 + [False] * 40
    fell = click_change(by_search(*log([often] * 3 + [seldom] * 3)), 3, 0.95)
    assert fell is not None
    assert fell.difference == pytest.approx(-0.6)
    assert fell.high < -0.4
    assert (fell.before, fell.now) == (150, 150)
    stayed = click_change(by_search(*log([often] * 6)), 3, 0.95)
    assert stayed is not None
    assert stayed.low < 0 < stayed.high


def test_one_period_alone_is_compared_with_nothing() -> None:
    assert click_change(by_search(*log([[True]])), 7, 0.95) is None
    assert click_change(by_search(*log([])), 7, 0.95) is None


def test_more_trials_give_a_narrower_interval() -> None:
    few, many = share_change((5, 10), (5, 10)), share_change((500, 1000), (500, 1000))
    assert few.high - few.low > 5 * (many.high - many.low)
    assert few.low == pytest.approx(-few.high)
