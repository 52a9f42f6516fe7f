"""Old runs of Dagster are removed: it keeps every run and event for ever."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg

from mmsearch_dagster.pipeline.retention.databases import compact_all

# Of each job: a night's work for more than a week, a day's looks for some hours.
KEPT_RUNS = 10
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_MADE = dg.DagsterEventType.ASSET_MATERIALIZATION
_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


def old_runs(instance: dg.DagsterInstance, keep: int = KEPT_RUNS) -> list[str]:
    """Ids of finished runs that may go, newest first.

    The newest ones of each job stay, and those that made an asset without partitions what it is now.

    Args:
        instance: Dagster's store.
        keep: how many of the newest runs of each job stay.
    """
    events = instance.get_latest_materialization_events(instance.all_asset_keys())
    latest = {event.run_id for event in events.values() if event is not None}
    seen: Counter[str] = Counter()
    removed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_FINISHED)):
        seen[run.job_name] += 1
        if seen[run.job_name] > keep and run.run_id not in latest:
            removed.append(run.run_id)
    return removed


def remove_old_runs(instance: dg.DagsterInstance, keep: int = KEPT_RUNS) -> list[str]:
    """Removes them with their events, checks and logs; returns their ids.

    The days that they made stay made: each is noted again, without a run. What is free in the databases
    afterwards is given back.
    """
    removed = old_runs(instance, keep)
    for run_id in reversed(removed):
        made = list(_partitions_made(instance, run_id))
        instance.delete_run(run_id)
        _note_again(instance, made)
        _remove_files(Path(instance.root_directory), run_id)
    _remove_checks_and_tags(instance, removed)
    compact_all(Path(instance.root_directory) / database for database in _DATABASES)
    return removed


def old_runs_here() -> list[str]:
    """`old_runs` of the home that this process points to."""
    with dg.DagsterInstance.get() as instance:
        return old_runs(instance)


def remove_old_runs_here() -> list[str]:
    """`remove_old_runs` of the home that this process points to."""
    with dg.DagsterInstance.get() as instance:
        return remove_old_runs(instance)


def _partitions_made(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.AssetMaterialization]:
    """What a run made of assets that are kept by day."""
    for event in instance.all_logs(run_id, of_type=_MADE):
        made = event.asset_materialization
        if made is not None and made.partition is not None:
            yield made


def _note_again(instance: dg.DagsterInstance, made: Sequence[dg.AssetMaterialization]) -> None:
    """A partition whose last run was removed counts as missing in Dagster's pages; these are as before."""
    for each in made:
        if each.partition not in instance.get_materialized_partitions(each.asset_key):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(each.asset_key, metadata=each.metadata, partition=each.partition)
            )


def _remove_checks_and_tags(instance: dg.DagsterInstance, removed: Sequence[str]) -> None:
    """What Dagster leaves behind of deleted runs in its tables."""
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
    from dagster._core.storage.runs.schema import RunTagsTable
    from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

    events, runs = instance.event_log_storage, instance.run_storage
    if not isinstance(events, SqlEventLogStorage) or not isinstance(runs, SqlRunStorage):
        return
    checks, tags = AssetCheckExecutionsTable, RunTagsTable
    with events.index_connection() as connection:
        for run_id in removed:
            connection.execute(checks.delete().where(checks.c.run_id == run_id))
    with runs.connect() as connection:
        for run_id in removed:
            connection.execute(tags.delete().where(tags.c.run_id == run_id))


def _remove_files(root: Path, run_id: str) -> None:
    """What Dagster leaves behind of a deleted run: the emptied file of its events, and its logs."""
    for file in (root / "history" / "runs").glob(f"{run_id}.db*"):
        file.unlink(missing_ok=True)
    shutil.rmtree(root / "storage" / run_id, ignore_errors=True)
