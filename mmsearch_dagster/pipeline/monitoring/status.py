"""The status of a home: gathered, and written as its page."""

import logging
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.adapters.registry.ledger import Ledger
from mmsearch_dagster.core.monitoring.daily_metrics import DailyMetrics, GateResult, HomeState
from mmsearch_dagster.core.monitoring.status import Scheduler, Status
from mmsearch_dagster.pipeline.monitoring.collect import collect_day, gate_results, home_state
from mmsearch_dagster.pipeline.monitoring.day_files import kept_days
from mmsearch_dagster.pipeline.workspace import Workspace

_LOG = logging.getLogger(__name__)


def home_status(workspace: Workspace, scheduler: Scheduler, *, warning: str | None = None) -> Status:
    """Everything that the page shows; today's figures are collected first.

    A folder in which nothing was ever run stays as it is.
    """
    today = _today(workspace)
    days = kept_days(workspace.paths.metrics)
    state = HomeState() if today is None else today.state or home_state(workspace)
    return Status(
        home=str(workspace.paths.home),
        now=workspace.clock().astimezone(UTC),
        state=state,
        days=days,
        gates=_gate_history(workspace, days),
        scheduler=scheduler,
        warning=warning,
    )


def _today(workspace: Workspace) -> DailyMetrics | None:
    if not workspace.paths.lake.is_dir():
        return None
    try:
        return collect_day(workspace)
    except OSError as error:  # a home that may only be read
        _LOG.warning("the figures of today are not kept: %s", error)
        return None


def _gate_history(workspace: Workspace, days: Sequence[DailyMetrics]) -> list[GateResult]:
    """Every decision of the ledger; those of kept days are not read again from the registry."""
    kept = {(gate.when, gate.model_version): gate for day in days for gate in day.gates}
    lines = [line for line in Ledger(workspace.paths.ledger).lines()]
    others = [line for line in lines if (line.when, line.model_version) not in kept]
    fresh = {(gate.when, gate.model_version): gate for gate in gate_results(workspace, others)}
    return sorted({**kept, **fresh}.values(), key=lambda gate: gate.when)


def write_status_page(workspace: Workspace, status: Status) -> Path:
    """Writes `reports/status.html` in one step and returns its path."""
    from mmsearch_dagster.adapters.reports.status_page import status_html

    file = workspace.paths.status_page
    write_atomically(file, status_html(status).encode("utf-8"))
    return file
