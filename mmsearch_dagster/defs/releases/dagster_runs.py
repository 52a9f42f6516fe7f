"""Dagster keeps every run and event for ever: old ones that nothing looks at any more are removed."""

import shutil
from pathlib import Path

import dagster as dg

# About a week of hourly looks.
KEPT_RUNS = 200
_PARTITION = "dagster/partition"
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def old_runs(instance: dg.DagsterInstance, keep: int = KEPT_RUNS) -> list[str]:
    """Ids of finished runs that may go, newest first.

    The newest ones stay, those of a day's partition, and those that made an asset what it is now.

    Args:
        instance: Dagster's store.
        keep: how many of the newest runs stay.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=_FINISHED))
    events = instance.get_latest_materialization_events(instance.all_asset_keys())
    latest = {event.run_id for event in events.values() if event is not None}
    return [run.run_id for run in runs[keep:] if run.run_id not in latest and _PARTITION not in run.tags]


def remove_old_runs(instance: dg.DagsterInstance, keep: int = KEPT_RUNS) -> list[str]:
    """Removes them with their events and logs; returns their ids."""
    removed = old_runs(instance, keep)
    for run_id in removed:
        instance.delete_run(run_id)
        _remove_files(Path(instance.root_directory), run_id)
    return removed


def old_runs_here() -> list[str]:
    """`old_runs` of the home that this process points to."""
    with dg.DagsterInstance.get() as instance:
        return old_runs(instance)


def remove_old_runs_here() -> list[str]:
    """`remove_old_runs` of the home that this process points to."""
    with dg.DagsterInstance.get() as instance:
        return remove_old_runs(instance)


def _remove_files(root: Path, run_id: str) -> None:
    """What Dagster leaves behind of a deleted run: the emptied file of its events, and its logs."""
    for file in (root / "history" / "runs").glob(f"{run_id}.db*"):
        file.unlink(missing_ok=True)
    shutil.rmtree(root / "storage" / run_id, ignore_errors=True)
