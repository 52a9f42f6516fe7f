"""The job `refresh` and its nightly schedule: everything, in order."""

import dagster as dg

from mmsearch_dagster.defs.assets.daily_metrics import GROUP as OPERATIONS
from mmsearch_dagster.defs.assets.monitoring import GROUP as MONITORING
from mmsearch_dagster.defs.launch import BECAUSE, JOB, TRAINS, refresh_config

refresh = dg.define_asset_job(
    JOB,
    # A run has one partition or none: what is kept by day has a job of its own, and so has what only looks.
    selection=dg.AssetSelection.all()
    - dg.AssetSelection.assets("event_days", "profile_states", "ledger")
    - dg.AssetSelection.groups(MONITORING, OPERATIONS),
    description="From the shop's files to a released model and index; what did not change is used again.",
)

_NIGHT = "the nightly schedule"

nightly = dg.ScheduleDefinition(
    name="nightly",
    job=refresh,
    # The night is for training; a run that is launched by day trains where more than the catalogue changed.
    run_config=refresh_config(retrain=True, because=_NIGHT),
    tags={BECAUSE: _NIGHT, TRAINS: "always"},
    cron_schedule="30 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Retrain and release every night at 02:30 UTC.",
)


@dg.definitions
def jobs() -> dg.Definitions:
    """The job and its schedule."""
    return dg.Definitions(jobs=[refresh], schedules=[nightly])
