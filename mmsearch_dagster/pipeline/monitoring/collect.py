"""The figures of one day, from the ledger, the registry, the lake and the monitors."""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.adapters.registry.ledger import MOVES, Ledger, LedgerLine
from mmsearch_dagster.core.clock import timestamp
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.evaluation.comparison import ENGINE
from mmsearch_dagster.core.labels.provenance import Provenance, stored_provenance
from mmsearch_dagster.core.monitoring.daily_metrics import (
    DailyMetrics,
    DriftResult,
    GateResult,
    HomeState,
    QuarantineResult,
    Rollback,
    SearchResult,
    margins_of,
    of_day,
)
from mmsearch_dagster.core.monitoring.policy import MonitoringPolicy
from mmsearch_dagster.core.monitoring.search_quality import DAY, by_day, by_search
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.evaluation.files import ASSET as EVALUATION
from mmsearch_dagster.pipeline.evaluation.files import QUALITY
from mmsearch_dagster.pipeline.ingest.row_counts import all_row_counts
from mmsearch_dagster.pipeline.monitoring import monitors
from mmsearch_dagster.pipeline.monitoring.day_files import keep_day, kept_day
from mmsearch_dagster.pipeline.workspace import Workspace

CODE_VERSION = "1"
_LOG = logging.getLogger(__name__)
_Monitor = Callable[[Workspace], monitors.Watched]
_MONITORS: dict[str, _Monitor] = {
    monitors.DATA: monitors.watch_data,
    monitors.EMBEDDINGS: monitors.watch_embeddings,
    monitors.BEHAVIOUR: monitors.watch_behaviour,
    monitors.SEARCHES: monitors.watch_searches,
}


def collect_day(workspace: Workspace, day: date | None = None, *, watched: bool = True) -> DailyMetrics:
    """Figures of one day, kept in the home.

    What the ledger and the log say of a day can be read again later. What the monitors and the quarantine say
    is about now: it is taken for today, and of an earlier day what was kept then stays.

    Args:
        workspace: the home; its clock says what today is.
        day: in UTC; None for today.
        watched: the monitors look now; else what they saw earlier on this day stands.

    Returns:
        The record, as it is kept.
    """
    now = workspace.clock()
    today = now.astimezone(UTC).date()
    day = day or today
    before = kept_day(workspace.paths.metrics, day)
    ledger = [line for line in Ledger(workspace.paths.ledger).lines() if of_day(line.when, day)]
    metrics = DailyMetrics(
        day=day,
        collected=timestamp(now),
        state=_state_of(workspace, before, is_today=day == today, watched=watched),
        gates=tuple(gate_results(workspace, ledger)),
        rollbacks=tuple(
            Rollback(when=line.when, release_id=line.release_id, why=line.why)
            for line in ledger
            if line.action == "rollback"
        ),
        searches=_searches(workspace, day),
    )
    keep_day(workspace.paths.metrics, metrics)
    return metrics


def gate_results(workspace: Workspace, lines: Iterable[LedgerLine]) -> Iterator[GateResult]:
    """Promotions through the gate and rejections."""
    for line in lines:
        if line.action not in ("promotion", "rejection") or line.by_hand:
            continue
        try:
            decision = workspace.registry.decision(line.model_version)
        except MmsearchError:  # somebody deleted the version
            decision = None
        yield GateResult(
            when=line.when,
            release_id=line.release_id,
            model_version=line.model_version,
            passed=line.action == "promotion",
            why=line.why,
            margins=margins_of(decision),
        )


def _state_of(
    workspace: Workspace, before: DailyMetrics | None, *, is_today: bool, watched: bool
) -> HomeState | None:
    kept = before and before.state
    if not is_today:
        return kept
    return home_state(workspace, None if watched else (kept.drift if kept else ()))


def home_state(workspace: Workspace, drift: tuple[DriftResult, ...] | None = None) -> HomeState:
    """What answers now, how good it was measured, what the monitors and the quarantine say.

    drift: of an earlier look; None looks now.
    """
    champion = workspace.registry.champion() if workspace.paths.mlflow.is_dir() else None
    evaluation = champion and workspace.lake.find(EVALUATION, champion.snapshots.get(EVALUATION, "none"))
    metric, quality = _quality(workspace, evaluation) if evaluation else (None, {})
    if champion and drift is None:
        drift = tuple(_drift(workspace, name) for name in _MONITORS)
    return HomeState(
        release=champion and champion.release_id,
        model_version=champion and champion.model_version,
        released_at=_released_at(workspace, champion) if champion else None,
        metric=metric,
        quality=quality,
        provenance=_provenance(evaluation) if quality and evaluation else None,
        drift=drift or (),
        waiting=_waiting(Ledger(workspace.paths.ledger).lines()),
        quarantine=tuple(
            QuarantineResult(table=counts.table, kept=counts.kept, quarantined=counts.quarantined)
            for counts in all_row_counts(workspace.lake)
        ),
    )


def _waiting(lines: Iterable[LedgerLine]) -> tuple[str, ...]:
    """Releases of which the last thing that happened is that they wait for a review."""
    last = {line.release_id: line.action for line in lines}
    return tuple(release for release, action in last.items() if action == "waiting")


def _released_at(workspace: Workspace, champion: ReleaseManifest) -> str | None:
    moves = [line for line in Ledger(workspace.paths.ledger).lines() if line.action in MOVES]
    return next((line.when for line in reversed(moves) if line.release_id == champion.release_id), None)


def _quality(workspace: Workspace, evaluation: Snapshot) -> tuple[str | None, dict[str, float]]:
    """The metric's name and its mean per kind of query, from the release's own evaluation."""
    try:
        # An evaluation of 0.1.0 does not name its metric.
        metric = str(evaluation.facts.get("metric") or workspace.gate_policy.metric)
        table = pl.read_parquet(evaluation.folder / QUALITY)
        rows = table.filter(pl.col("branch") == ENGINE).select("kind", metric)
    except (MmsearchError, OSError, pl.exceptions.PolarsError):  # written by another version, or damaged
        return None, {}
    return metric, {kind: value for kind, value in rows.iter_rows() if value is not None}


def _provenance(evaluation: Snapshot) -> Provenance | None:
    """Of the queries that decided; an evaluation of 0.1.0 may not say."""
    name = evaluation.facts.get("provenance")
    return stored_provenance(str(name)) if name else None


def _drift(workspace: Workspace, name: str) -> DriftResult:
    """A monitor's verdict; one that breaks off says so and stops nothing."""
    try:
        watched = _MONITORS[name](workspace)
        level = _level(watched, workspace.monitoring_policy)
        return DriftResult(monitor=name, fine=watched.fine, sentence=watched.sentence, level=level)
    except Exception as error:
        _LOG.warning("the monitor %s broke off: %s", name, error)
        return DriftResult(monitor=name, fine=None, sentence=f"not measured: {error}")


def _level(watched: monitors.Watched, policy: MonitoringPolicy) -> float | None:
    """The worst figure of a monitor over its bound: 1 is the bound, which is passed by what is sure alone."""
    if watched.findings:
        return round(max(abs(each.value) / max(abs(each.bound), 1e-9) for each in watched.findings), 4)
    bounds = {"stability": policy.stability, "centroid": policy.centroid, "outside": policy.outside}
    highest = [
        worst / bound
        for table in watched.report.tables.values()
        for column, bound in bounds.items()
        if column in table.columns
        and isinstance(worst := table[column].cast(pl.Float64).fill_nan(None).max(), float)
    ]
    return round(min(max(highest), 1.0), 4) if highest else None


def _searches(workspace: Workspace, day: date) -> SearchResult | None:
    """The log of one day; None where it has no search."""
    try:
        log = [workspace.lake.current(name).table() for name in ("searches", "interactions")]
    except MmsearchError:  # nothing was read yet
        return None
    rows = by_day(by_search(*log)).filter(pl.col(DAY) == day)
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    return SearchResult(
        searches=row["searches"],
        with_click=round(row["with a click"], 4),
        with_purchase=round(row["with a purchase"], 4),
        without_results=round(1 - row["with results"], 4),
    )
