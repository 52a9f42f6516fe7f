"""Dagster's own runs and ticks for the status page: what it did last in a home, and what it does next."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from mmsearch_dagster.core.monitoring.status import RunRow, ScheduledRun, Scheduler
from mmsearch_dagster.defs.launch import BECAUSE

_RUNS_SHOWN = 12


def scheduler_of(dagster_folder: Path, now: datetime) -> Scheduler:
    """Runs, schedules and the daemon's sign of life of a home's own Dagster folder.

    Args:
        dagster_folder: where its settings lie; a home in which nothing ran has none, and gets none.
        now: with its time zone; ticks after it come next.
    """
    if not (dagster_folder / "dagster.yaml").is_file():
        return Scheduler()
    with dg.DagsterInstance.from_config(str(dagster_folder)) as instance:
        return scheduler_in(instance, now)


def scheduler_in(instance: dg.DagsterInstance, now: datetime) -> Scheduler:
    """Like `scheduler_of`, of an instance that is open already."""
    from mmsearch_dagster.defs.loading import everything

    runs = [_row(record) for record in instance.get_run_records(limit=_RUNS_SHOWN)]
    schedules = [each for each in everything().schedules or () if isinstance(each, dg.ScheduleDefinition)]
    heartbeat = instance.get_daemon_statuses().get("SCHEDULER")
    return Scheduler(
        runs, list(_next_ticks(schedules, _stopped(instance), now)), bool(heartbeat and heartbeat.healthy)
    )


def _row(record: dg.RunRecord) -> RunRow:
    run = record.dagster_run
    started, ended = record.start_time, record.end_time
    return RunRow(
        job=run.job_name,
        status=run.status.value,
        started=datetime.fromtimestamp(started, UTC) if started else None,
        ended=datetime.fromtimestamp(ended, UTC) if ended else None,
        reason=run.tags.get(BECAUSE, ""),
    )


def _stopped(instance: dg.DagsterInstance) -> set[str]:
    """Names of the schedules that somebody switched off."""
    from dagster._core.scheduler.instigation import InstigatorStatus

    states = instance.all_instigator_state() if instance.schedule_storage else ()
    return {state.instigator_name for state in states if state.status == InstigatorStatus.STOPPED}


def _next_ticks(
    schedules: Sequence[dg.ScheduleDefinition], stopped: set[str], now: datetime
) -> Iterator[ScheduledRun]:
    """The next tick of each schedule that is on, the nearest first."""
    from dagster._utils.schedules import schedule_execution_time_iterator

    ticks = []
    for schedule in schedules:
        if schedule.name in stopped or schedule.default_status != dg.DefaultScheduleStatus.RUNNING:
            continue
        zone = schedule.execution_timezone or "UTC"
        times = schedule_execution_time_iterator(now.timestamp(), schedule.cron_schedule, zone)
        tick = next(moment for moment in times if moment > now).astimezone(UTC)
        ticks.append(ScheduledRun(schedule.name, schedule.job_name, tick))
    yield from sorted(ticks, key=lambda each: each.next_tick)
