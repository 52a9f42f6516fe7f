"""interactions -> collaborative_factors; with the winner's item vectors -> user_profiles."""

from datetime import date

import dagster as dg

from mmsearch_dagster.defs.behaviour import factors_step, profiles_step
from mmsearch_dagster.defs.evaluation.assets import evaluation_report
from mmsearch_dagster.defs.ingest.assets import VALIDATED_KEYS
from mmsearch_dagster.defs.resources import WorkspaceResource

GROUP = "behaviour"
DAYS = dg.DailyPartitionsDefinition(start_date="2020-01-01")


@dg.asset(
    group_name=GROUP,
    deps=VALIDATED_KEYS,
    description="One row is one product's vector by who chose it; a product that nobody chose has no row.",
    kinds={"scipy"},
)
def collaborative_factors(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=factors_step.learn_factors(workspace.open()).metadata())


@dg.asset(
    group_name=GROUP,
    deps=[dg.AssetKey("interactions")],
    partitions_def=DAYS,
    description=(
        "One row is what one user did with one product by one kind of action, as of the end of the last "
        "day with events up to the partition's: the nearest earlier state plus the events since. Not part "
        "of the refresh, which has no partitions; user_profiles starts from the newest state that fits "
        "the log and stores its own, so a refresh adds only new days whether or not this asset ran."
    ),
    kinds={"polars"},
)
def profile_states(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    day = date.fromisoformat(context.partition_key)
    return dg.MaterializeResult(metadata=profiles_step.update_state(workspace.open(), day).metadata())


@dg.asset(
    group_name=GROUP,
    deps=[dg.AssetKey("interactions"), collaborative_factors, evaluation_report],
    description=(
        "One row is one user (a pseudonym) as of the end of the log's last day: decayed fused vectors, "
        "factors, tastes, recency, frequency and money; in the space of the strategy that won."
    ),
    kinds={"polars"},
)
def user_profiles(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=profiles_step.make_profiles(workspace.open()).metadata())


profile_days = dg.define_asset_job(
    "profile_days",
    selection=[profile_states],
    partitions_def=DAYS,
    description="Carry the users' states to the end of each day.",
)


@dg.definitions
def behaviour() -> dg.Definitions:
    """Factors, profiles and the job that carries them from day to day."""
    return dg.Definitions(
        assets=[collaborative_factors, profile_states, user_profiles],
        jobs=[profile_days],
        schedules=[dg.build_schedule_from_partitioned_job(profile_days)],
    )
