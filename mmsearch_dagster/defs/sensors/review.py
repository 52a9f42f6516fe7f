"""The sensor `review`: what reviewers decided in the registry, and what hands moved."""

import dagster as dg

from mmsearch_dagster.defs.assets.ledger import NAME, ledger_metadata
from mmsearch_dagster.defs.launch import BECAUSE
from mmsearch_dagster.defs.resources import WorkspaceResource, watching_workspace
from mmsearch_dagster.pipeline.release.history import line_count
from mmsearch_dagster.pipeline.release.review import look_at_registry

_SECONDS = 20


@dg.op(description="An index of today's catalogue for an approved model, and the pointer.")
def carry_out_reviews(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """What took too long for a look of the sensor."""
    for message in look_at_registry(workspace.open(), build=True).messages:
        context.log.info(message)


@dg.job(description="Releases models that a reviewer approved after the catalogue had changed.")
def review() -> None:
    """One step."""
    carry_out_reviews()


@dg.sensor(
    name="review",
    job=review,
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Carries out what reviewers decided in MLflow, puts back what a hand moved wrongly.",
)
def review_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """A pointer moves at once; a run is launched where an index has to be built first."""
    workspace = watching_workspace()
    look = look_at_registry(workspace)
    for message in look.messages:
        context.log.info(message)
    requests = [
        dg.RunRequest(run_key=f"review-{version}", tags={BECAUSE: f"model version {version} was approved"})
        for version in look.approved
    ]
    lines = str(line_count(workspace))
    grown = lines not in ("0", context.cursor)
    noted = [dg.AssetMaterialization(NAME, metadata=ledger_metadata(workspace))] if grown else []
    nothing = "; ".join(look.messages) or "nobody decided anything since the last look"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else nothing,
        asset_events=noted,
        cursor=lines,
    )


@dg.definitions
def reviews() -> dg.Definitions:
    """The sensor and its job."""
    return dg.Definitions(jobs=[review], sensors=[review_sensor])
