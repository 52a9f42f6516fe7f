"""Events by the day on which they happened, whenever they came; and the days that are to be made again."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from mmsearch_dagster.core.catalog import columns as col

# A day that was never made is caught up on for a week; older ones are a person's backfill.
_MISSED_DAYS = 7
# So many changed days at once, the newest ones.
_MOST_DAYS = 31


def counts_by_day(events: pl.DataFrame) -> dict[date, int]:
    """Day in UTC -> number of its events.

    Args:
        events: rows of the events table; those without a time are on no day.

    Returns:
        The counts, of days with events only.
    """
    days = events.select(pl.col(col.TIMESTAMP).dt.date().alias("day")).drop_nulls()
    return dict(days.group_by("day").len().sort("day").iter_rows())


def events_of_day(events: pl.DataFrame, day: date) -> pl.DataFrame:
    """The events that happened on a day.

    Args:
        events: rows of the events table.
        day: in UTC.

    Returns:
        The rows, in their order.
    """
    return events.filter(pl.col(col.TIMESTAMP).dt.date() == day)


def days_due(counts: Mapping[date, int], made: Mapping[date, int], yesterday: date) -> list[date]:
    """The days to make: yesterday, those that events came late for, and those that nobody made.

    Args:
        counts: what the log of now holds, as `counts_by_day` returns it.
        made: day -> events that it had when it was last made.
        yesterday: the last day that is over.

    Returns:
        The days in their order, yesterday always among them.
    """
    changed = [day for day, rows in made.items() if day < yesterday and counts.get(day, 0) != rows]
    recent = yesterday - timedelta(days=_MISSED_DAYS)
    missed = [day for day in counts if recent <= day < yesterday and day not in made]
    return [*sorted({*changed, *missed})[-_MOST_DAYS:], yesterday]
