"""The assets `release_metrics`, a day per partition, and `status_page`, with the evening's job."""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg

from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.defs.scheduler import scheduler_in
from mmsearch_dagster.pipeline.monitoring import monitors
from mmsearch_dagster.pipeline.monitoring.collect import CODE_VERSION, collect_day
from mmsearch_dagster.pipeline.monitoring.status import home_status, write_status_page

GROUP = "operations"
_MONITORS = (monitors.DATA, monitors.EMBEDDINGS, monitors.BEHAVIOUR, monitors.SEARCHES)
# Today is a partition too: it is collected until it is over.
DAYS = dg.DailyPartitionsDefinition(start_date="2020-01-01", end_offset=1)
# The hour (UTC) of the tick that also closes yesterday, whose log the nightly refresh has read whole.
_CLOSING_HOUR = 5


@dg.asset(
    code_version=CODE_VERSION,
    group_name=GROUP,
    partitions_def=DAYS,
    deps=[dg.AssetKey(name) for name in ("release", *_MONITORS)],
    description=(
        "One partition is one day: quality by kind of query, the gate's decisions with their margins, drift, "
        "quarantine, searches, clicks. Drift and quarantine are those of the last look on the day itself."
    ),
    kinds={"json"},
)
def release_metrics(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    day = collect_day(workspace.open(), date.fromisoformat(context.partition_key))
    state, searches = day.state, day.searches
    figures = {
        "release": state and state.release,
        "decisions of the gate": len(day.gates),
        "refused": sum(not gate.passed for gate in day.gates),
        "monitors that warn": sum(result.fine is False for result in state.drift) if state else None,
        "rows in quarantine": sum(table.quarantined for table in state.quarantine) if state else None,
        "searches": searches and searches.searches,
        **({f"quality, {kind}": value for kind, value in state.quality.items()} if state else {}),
    }
    return dg.MaterializeResult(
        metadata={name: value for name, value in figures.items() if value is not None}
    )


@dg.asset(
    code_version=CODE_VERSION,
    group_name=GROUP,
    deps=[release_metrics],
    description="reports/status.html: the release, the last runs, gate, drift and quarantine over time.",
    kinds={"html"},
)
def status_page(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    opened = workspace.open()
    status = home_status(opened, scheduler_in(context.instance, opened.clock()))
    file = write_status_page(opened, status)
    return dg.MaterializeResult(
        metadata={"page": dg.MetadataValue.path(str(file)), "state": status.headline[1]}
    )


evening = dg.define_asset_job(
    "evening",
    selection=[release_metrics, status_page],
    partitions_def=DAYS,
    description="The figures of a day, and the status page.",
)


@dg.schedule(
    name="status",
    job=evening,
    cron_schedule="45 5,11,17,23 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Four times a day: today so far; in the morning yesterday too, whose log is whole by then.",
)
def status_schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    tick = context.scheduled_execution_time
    if tick.hour == _CLOSING_HOUR:
        yesterday = (tick - timedelta(days=1)).date()
        yield dg.RunRequest(run_key=f"{yesterday} closed", partition_key=yesterday.isoformat())
    yield dg.RunRequest(run_key=tick.isoformat(), partition_key=tick.date().isoformat())


@dg.definitions
def operations() -> dg.Definitions:
    """The two assets, their job and its schedule."""
    return dg.Definitions(assets=[release_metrics, status_page], jobs=[evening], schedules=[status_schedule])
