"""The job `prune` and its weekly schedule: the home is tidied."""

import dagster as dg

from mmsearch_dagster.defs.dagster_runs import remove_old_runs
from mmsearch_dagster.defs.resources import watching_workspace
from mmsearch_dagster.pipeline.retention.prune import KEEP, prune_alone


class Retention(dg.Config):
    """keep: how many of the last releases stay ready for a rollback."""

    keep: int = KEEP


@dg.op(description="Removes what the last releases do not need.")
def remove_unused(context: dg.OpExecutionContext, config: Retention) -> None:
    """Alone in the home: it holds no lock of a step, and waits for the steps of others."""
    workspace = watching_workspace()
    waiting = "waiting for the steps that are at work in the home"
    unused = prune_alone(workspace, config.keep, lambda: context.log.info(waiting))
    runs = remove_old_runs(context.instance)
    for kind, count, names in [*unused.rows(), ("runs in Dagster", len(runs), ", ".join(runs[:3]))]:
        context.log.info(f"{count} {kind} removed{f': {names}, ...' if names else ''}")
    context.add_output_metadata({kind: count for kind, count, _ in unused.rows()})


@dg.job(description="Removes from the home what the last releases do not need.")
def prune() -> None:
    """One step."""
    remove_unused()


weekly = dg.ScheduleDefinition(
    name="weekly",
    job=prune,
    cron_schedule="0 5 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Tidy the home every Sunday at 05:00 UTC.",
)


@dg.definitions
def retention() -> dg.Definitions:
    """The job and its schedule."""
    return dg.Definitions(jobs=[prune], schedules=[weekly])
