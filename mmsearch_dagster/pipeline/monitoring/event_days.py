"""The step `event_days`: the log cut into days, a snapshot each, for profiles carried from day to day."""

from datetime import date
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of_frame
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.monitoring.event_days import counts_by_day, days_due, events_of_day
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import Workspace

ASSET = "event_days"
CODE_VERSION = "1"
_LOG = "interactions"


def make_day(workspace: Workspace, day: date) -> StepReport | None:
    """The events that happened on `day`, those that came later included.

    None in a home without a log, and for a day that never had an event.
    """
    log, before = _log(workspace), _made(workspace, day)
    rows = events_of_day(log, day) if log is not None else None
    if rows is None or (rows.is_empty() and before is None):
        return None
    with timed(ASSET) as report:
        late = rows.height - int(before.facts["rows"]) if before is not None else 0
        name = f"{day.isoformat()}-{digest_of_frame(rows)}"
        snapshot, made = workspace.lake.obtain_table(ASSET, name, lambda: (rows, {}))
        _remove_superseded(workspace, day, snapshot)
        report.about(snapshot, made)
        report.metrics |= {"people": rows[col.USER_ID].n_unique()}
        report.metrics |= {"events that came late": max(late, 0), "events taken back": max(-late, 0)}
        report.tables["by action"] = rows.group_by(col.ACTION).agg(pl.len().alias("events")).sort(col.ACTION)
    return report


def _remove_superseded(workspace: Workspace, day: date, snapshot: Snapshot) -> None:
    """A day that was made again replaces what it was: nothing names it."""
    for folder in _folders(workspace, day):
        earlier = workspace.lake.find(ASSET, folder.name)
        if earlier is not None and earlier.digest != snapshot.digest:
            workspace.lake.remove(earlier)


def due(workspace: Workspace, yesterday: date) -> list[date]:
    """The days that the daily run makes; only yesterday in a home without a log."""
    log = _log(workspace)
    counts = counts_by_day(log) if log is not None else {}
    made = {day: rows for day in _days(workspace) if (rows := _rows_of(workspace, day)) is not None}
    return days_due(counts, made, yesterday)


def _log(workspace: Workspace) -> pl.DataFrame | None:
    try:
        return workspace.lake.current(_LOG).table()
    except MmsearchError:
        return None


def _days(workspace: Workspace) -> set[date]:
    """Days of which there is a snapshot."""
    folders = (workspace.paths.lake / ASSET).glob("[0-9]*-*-*-*")
    return {date.fromisoformat(folder.name[:10]) for folder in folders}


def _rows_of(workspace: Workspace, day: date) -> int | None:
    made = _made(workspace, day)
    return None if made is None else int(made.facts["rows"])


def _folders(workspace: Workspace, day: date) -> list[Path]:
    """Snapshots of a day: one, where no earlier version of this program left superseded ones."""
    return list((workspace.paths.lake / ASSET).glob(f"{day.isoformat()}-*"))


def _made(workspace: Workspace, day: date) -> Snapshot | None:
    """The newest snapshot of a day."""
    folders = _folders(workspace, day)
    newest = max(folders, key=lambda folder: folder.stat().st_mtime_ns, default=None)
    return None if newest is None else workspace.lake.find(ASSET, newest.name)
