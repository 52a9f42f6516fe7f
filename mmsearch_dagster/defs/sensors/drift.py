"""The sensor `drift`: a training where the monitors found that the world is no longer the release's."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.triggers.triggers import DRIFT, Evidence, decide
from mmsearch_dagster.defs.assets.monitoring import FINDINGS
from mmsearch_dagster.defs.launch import JOB, past_runs, run_request
from mmsearch_dagster.defs.resources import watching_workspace
from mmsearch_dagster.pipeline.monitoring.monitors import BEHAVIOUR, DATA, EMBEDDINGS
from mmsearch_dagster.pipeline.release.release import ASSET as RELEASE

# Older evidence than this was answered or made void long ago.
_HISTORY = timedelta(days=30)
_SHOWN = 3


@dg.sensor(
    job_name=JOB,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "What data_drift, embedding_drift and behaviour_drift found since the last release starts a "
        "training, at most as often as assets/policies/triggers.yaml allows."
    ),
)
def drift(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    evidence = evidence_of(context.instance)
    if evidence is None:
        return dg.SkipReason("the monitors found no drift since the last release")
    workspace = watching_workspace()
    now = workspace.clock()
    try:
        policy = workspace.trigger_policy
    except MmsearchError as error:
        return dg.SkipReason(str(error))
    decision = decide(now, past_runs(context.instance, now, _HISTORY), policy, evidence)
    if not decision.launch:
        return dg.SkipReason(decision.why)
    return dg.SensorResult(run_requests=[run_request(evidence, decision)])


def evidence_of(instance: dg.DagsterInstance) -> Evidence | None:
    """What the last looks found, those of before the last release left out."""
    released = instance.get_latest_materialization_event(dg.AssetKey(RELEASE))
    since = released.timestamp if released else 0.0
    looks = (
        instance.get_latest_materialization_event(dg.AssetKey(name)) for name in (DATA, EMBEDDINGS, BEHAVIOUR)
    )
    metadata = [
        event.asset_materialization.metadata
        for event in looks
        if event is not None and event.timestamp > since and event.asset_materialization is not None
    ]
    drifted = [entries for entries in metadata if _texts(entries)]
    if not drifted:
        return None
    texts = [text for entries in drifted for text in _texts(entries)]
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    key = "-".join(str(entries["snapshot"].value)[:10] for entries in drifted)
    return Evidence(DRIFT, key, f"{'; '.join(texts[:_SHOWN])}{more}")


def _texts(metadata: Mapping[str, Any]) -> list[str]:
    """The findings of one look; none in looks of before they were stored."""
    return list(metadata[FINDINGS].value) if FINDINGS in metadata else []


@dg.definitions
def drift_trigger() -> dg.Definitions:
    """The sensor."""
    return dg.Definitions(sensors=[drift])
