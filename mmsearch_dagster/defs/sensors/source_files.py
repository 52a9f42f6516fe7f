"""The sensor `source_files`: a refresh where a file of the shop changed and nobody writes to it any more."""

from datetime import timedelta

import dagster as dg

from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.triggers.triggers import decide
from mmsearch_dagster.defs.launch import JOB, past_runs, run_request
from mmsearch_dagster.defs.resources import watching_workspace
from mmsearch_dagster.pipeline.triggers import source_files as step

_HISTORY = timedelta(days=7)


@dg.sensor(
    job_name=JOB,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "A new or changed file, picture, sound or database table of the shop starts a refresh once it has "
        "settled; bounds in "
        "assets/policies/triggers.yaml. The cursor is what was handed on, so a restart forgets nothing."
    ),
)
def source_files(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    workspace = watching_workspace()
    now = workspace.clock()
    try:
        policy = workspace.trigger_policy
        looked = step.look_at_source(workspace, context.cursor, now)
    except (MmsearchError, OSError) as error:  # half a mapping, a folder that is not mounted now
        return dg.SensorResult(skip_reason=str(error), cursor=context.cursor)
    for problem in looked.problems:
        context.log.warning(problem)
    evidence = step.evidence_of(looked)
    if evidence is None:
        return dg.SensorResult(skip_reason=step.calm(looked), cursor=looked.state.model_dump_json())
    decision = decide(now, past_runs(context.instance, now, _HISTORY), policy, evidence)
    state = looked.state.accepted() if decision.answered else looked.state
    if not decision.launch:
        return dg.SensorResult(skip_reason=decision.why, cursor=state.model_dump_json())
    return dg.SensorResult(run_requests=[run_request(evidence, decision)], cursor=state.model_dump_json())


@dg.definitions
def source_trigger() -> dg.Definitions:
    """The sensor."""
    return dg.Definitions(sensors=[source_files])
