"""interactions -> collaborative_factors; with the winner's item vectors -> user_profiles."""

from collections.abc import Iterator
from datetime import UTC, date, timedelta

import dagster as dg

from mmsearch_dagster.defs.assets.evaluation import evaluation_report
from mmsearch_dagster.defs.assets.ingest import VALIDATED_KEYS
from mmsearch_dagster.defs.metadata import metadata_of
from mmsearch_dagster.defs.resources import TRAINING_POOL, WorkspaceResource, watching_workspace
from mmsearch_dagster.pipeline.features import collaborative
from mmsearch_dagster.pipeline.monitoring import event_days as event_days_step
from mmsearch_dagster.pipeline.personalisation import profiles
from mmsearch_dagster.pipeline.release.catalogue_refresh import DUE

GROUP = "behaviour"
DAYS = dg.DailyPartitionsDefinition(start_date="2020-01-01")


@dg.asset(
    code_version=collaborative.CODE_VERSION,
    group_name=GROUP,
    deps=[*VALIDATED_KEYS, dg.AssetKey(DUE)],
    description="One row is one product's vector by who chose it; a product that nobody chose has no row.",
    kinds={"scipy"},
    pool=TRAINING_POOL,
)
def collaborative_factors(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(collaborative.learn_factors(workspace.open())))


@dg.asset(
    code_version=event_days_step.CODE_VERSION,
    group_name=GROUP,
    deps=[dg.AssetKey("interactions")],
    partitions_def=DAYS,
    output_required=False,
    description=(
        "One row is one event that happened on the partition's day (UTC), whenever it came: a day is made "
        "again when events came late for it. A day without any event stays open."
    ),
    kinds={"polars"},
)
def event_days(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult]:
    report = event_days_step.make_day(workspace.open(), date.fromisoformat(context.partition_key))
    if report is None:
        context.log.info("the log has no event of this day")
    else:
        yield dg.MaterializeResult(metadata=metadata_of(report))


@dg.asset(
    code_version=profiles.CODE_VERSION,
    group_name=GROUP,
    deps=[dg.AssetKey("interactions")],
    partitions_def=DAYS,
    output_required=False,
    description=(
        "One row is what one user did with one product by one kind of action, as of the end of the last "
        "day with events up to the partition's: the nearest earlier state plus the events since. Not part "
        "of the refresh, which has no partitions; user_profiles starts from the newest state that fits "
        "the log and stores its own, so a refresh adds only new days whether or not this asset ran."
    ),
    kinds={"polars"},
)
def profile_states(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult]:
    report = profiles.update_state(workspace.open(), date.fromisoformat(context.partition_key))
    if report is None:
        context.log.info("no log was read yet: the first refresh reads it")
    else:
        yield dg.MaterializeResult(metadata=metadata_of(report))


@dg.asset(
    code_version=profiles.CODE_VERSION,
    group_name=GROUP,
    deps=[dg.AssetKey("interactions"), collaborative_factors, evaluation_report],
    description=(
        "One row is one user (a pseudonym) as of the end of the log's last day: decayed fused vectors, "
        "factors, tastes, recency, frequency and money; in the space of the strategy that won."
    ),
    kinds={"polars"},
)
def user_profiles(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(profiles.make_profiles(workspace.open())))


profile_days = dg.define_asset_job(
    "profile_days",
    selection=[event_days, profile_states],
    partitions_def=DAYS,
    executor_def=dg.in_process_executor,
    description="Cut the log into days and carry the users' states to the end of each.",
)


@dg.schedule(
    name="daily",
    job=profile_days,
    # After the nightly refresh: before it the lake's log ends in the middle of the day that is over.
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Yesterday every night at 04:00 UTC, and the days that events came late for or nobody made.",
)
def daily(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    night = context.scheduled_execution_time.astimezone(UTC).date()
    days = event_days_step.due(watching_workspace(), night - timedelta(days=1))
    return [
        dg.RunRequest(run_key=f"{night.isoformat()}:{day.isoformat()}", partition_key=day.isoformat())
        for day in days
    ]


@dg.definitions
def behaviour() -> dg.Definitions:
    """Factors, days, profiles, the job that carries them from day to day and its schedule."""
    return dg.Definitions(
        assets=[collaborative_factors, event_days, profile_states, user_profiles],
        jobs=[profile_days],
        schedules=[daily],
    )
