"""Which day an event counts for, and which days are made again."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.monitoring.event_days import counts_by_day, days_due, events_of_day

YESTERDAY = date(2026, 5, 10)


def day(number: int) -> date:
    return date(2026, 5, number)


def log(*moments: datetime | None) -> pl.DataFrame:
    rows = pl.DataFrame({col.TIMESTAMP: moments}, schema={col.TIMESTAMP: schemas.INSTANT})
    return pl.concat([schemas.EVENTS.to_frame(), rows], how="diagonal")


def test_an_event_counts_for_the_day_on_which_it_happened() -> None:
    late = datetime(2026, 5, 1, 23, 59, 59, tzinfo=UTC)
    events = log(late + timedelta(seconds=1), late, None)
    assert counts_by_day(events) == {day(1): 1, day(2): 1}
    assert events_of_day(events, day(1))[col.TIMESTAMP].to_list() == [late]


def test_no_event_is_counted_twice_or_lost() -> None:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    events = log(*(start + timedelta(minutes=37 * n) for n in range(300)))
    counts = counts_by_day(events)
    assert sum(counts.values()) == 300
    assert {each: events_of_day(events, each).height for each in counts} == counts


def test_yesterday_is_always_made() -> None:
    assert days_due({}, {}, YESTERDAY) == [YESTERDAY]


def test_a_day_that_events_came_late_for_is_made_again() -> None:
    counts = {day(2): 11, day(3): 5, YESTERDAY: 4}
    assert days_due(counts, {day(2): 10, day(3): 5}, YESTERDAY) == [day(2), YESTERDAY]


def test_a_day_whose_events_were_taken_back_is_made_again() -> None:
    assert days_due({}, {day(2): 10}, YESTERDAY) == [day(2), YESTERDAY]


def test_missed_days_of_a_week_are_made_and_older_ones_are_a_backfill() -> None:
    counts = {day(number): 3 for number in range(1, 11)}
    assert days_due(counts, {}, YESTERDAY) == [day(number) for number in range(3, 11)]


def test_today_is_not_over() -> None:
    assert days_due({date(2026, 5, 11): 9}, {date(2026, 5, 11): 3}, YESTERDAY) == [YESTERDAY]
