"""Which runs a sensor or schedule launches: past runs, run requests, the configuration of a refresh."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from mmsearch_dagster.core.triggers.triggers import Evidence, PastRun, TriggerDecision
from mmsearch_dagster.pipeline.release.catalogue_refresh import ASSET as CATALOGUE_REFRESH
from mmsearch_dagster.pipeline.release.catalogue_refresh import DUE

JOB = "refresh"
BECAUSE, TRIGGER, EVIDENCE, TRAINS = (
    *("mmsearch/because", "mmsearch/trigger"),
    *("mmsearch/evidence", "mmsearch/trains"),
)
_RUNS = 200
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def past_runs(instance: dg.DagsterInstance, now: datetime, back: timedelta) -> list[PastRun]:
    """The refreshes of the last time, whoever started them."""
    recent = dg.RunsFilter(job_name=JOB, created_after=now - back)
    trained = {
        record.run_id for record in instance.fetch_materializations(dg.AssetKey(DUE), limit=_RUNS).records
    }
    return [
        PastRun(
            at=record.create_timestamp.astimezone(UTC),
            trigger=record.dagster_run.tags.get(TRIGGER, ""),
            key=record.dagster_run.tags.get(EVIDENCE, ""),
            trained=record.dagster_run.run_id in trained or _will_train(record.dagster_run),
        )
        for record in instance.get_run_records(recent, limit=_RUNS)
    ]


def _will_train(run: dg.DagsterRun) -> bool:
    """Whether it was started for a training and has not failed before it."""
    return TRAINS in run.tags and run.status not in _FAILED


def run_request(evidence: Evidence, decision: TriggerDecision) -> dg.RunRequest:
    """The refresh that a decision starts, with its explanation."""
    tags = {TRIGGER: evidence.trigger, EVIDENCE: evidence.key, BECAUSE: decision.why}
    return dg.RunRequest(
        run_key=f"{evidence.trigger}-{evidence.key}",
        run_config=refresh_config(retrain=decision.retrain, because=decision.why, hold=decision.hold),
        tags=tags | ({TRAINS: "always"} if decision.retrain else {}),
    )


def refresh_config(*, retrain: bool, because: str = "", hold: str = "") -> dict[str, Any]:
    """What a refresh is to do about training."""
    config = {"retrain": retrain, "because": because, "hold": hold}
    return {"ops": {CATALOGUE_REFRESH: {"config": config}}}
