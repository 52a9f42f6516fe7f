"""The log cut into days, while events come late."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.pipeline.monitoring import event_days
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings

FIRST, SECOND = date(2026, 5, 1), date(2026, 5, 2)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(tmp_path))


def write_log(workspace: Workspace, days: Sequence[date]) -> None:
    """A log with an event on each of these days."""
    rows = [
        {
            col.TIMESTAMP: datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            col.USER_ID: "u",
            col.ACTION: "click",
        }
        for day in days
    ]
    frame = pl.concat([schemas.EVENTS.to_frame(), pl.DataFrame(rows)], how="diagonal_relaxed")
    workspace.lake.obtain_table("interactions", f"log-{len(days)}", lambda: (frame, {}))


def test_a_late_event_is_counted_in_its_own_day_and_named(workspace: Workspace) -> None:
    write_log(workspace, [FIRST, SECOND])
    first = event_days.make_day(workspace, FIRST)
    assert first is not None
    assert (first.rows, first.metrics["events that came late"]) == (1, 0)

    write_log(workspace, [FIRST, SECOND, FIRST])
    assert event_days.due(workspace, SECOND) == [FIRST, SECOND]
    again, second = event_days.make_day(workspace, FIRST), event_days.make_day(workspace, SECOND)

    assert again is not None
    assert second is not None
    assert (again.rows, again.metrics["events that came late"], second.rows) == (2, 1, 1)
    assert event_days.due(workspace, date(2026, 5, 3)) == [date(2026, 5, 3)]


def test_a_day_that_is_made_twice_is_one_snapshot(workspace: Workspace) -> None:
    write_log(workspace, [FIRST])
    first, again = event_days.make_day(workspace, FIRST), event_days.make_day(workspace, FIRST)
    assert first is not None
    assert again is not None
    assert (first.made, again.made) == (True, False)
    assert first.digest == again.digest


def test_a_day_without_events_stays_open_and_one_that_lost_them_is_empty(workspace: Workspace) -> None:
    assert event_days.make_day(workspace, FIRST) is None
    write_log(workspace, [FIRST])
    assert event_days.make_day(workspace, SECOND) is None
    event_days.make_day(workspace, FIRST)
    write_log(workspace, [SECOND, SECOND])
    emptied = event_days.make_day(workspace, FIRST)
    assert emptied is not None
    assert (emptied.rows, emptied.metrics["events taken back"]) == (0, 1)


def test_a_day_that_is_made_again_replaces_what_it_was(workspace: Workspace) -> None:
    for days in ([FIRST], [FIRST, FIRST], [SECOND, FIRST, FIRST, FIRST], [FIRST]):
        write_log(workspace, days)
        event_days.make_day(workspace, FIRST)

    (snapshot,) = [each for each, _ in workspace.lake.all() if each.asset == "event_days"]
    assert snapshot.facts["rows"] == 1
