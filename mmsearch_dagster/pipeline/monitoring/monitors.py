"""The drift monitors: the lake of today beside the sample that the champion's release keeps of its data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.monitoring import behaviour_drift, drift, embedding_drift, search_quality
from mmsearch_dagster.core.monitoring.finding import Finding, verdict
from mmsearch_dagster.core.monitoring.policy import MonitoringPolicy
from mmsearch_dagster.pipeline.features.encode import FeatureFacts, asset_of
from mmsearch_dagster.pipeline.monitoring import reference
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import Workspace

DATA, EMBEDDINGS, BEHAVIOUR, SEARCHES = "data_drift", "embedding_drift", "behaviour_drift", "search_quality"
CODE_VERSION = "3"
_TABLES = (reference.PRODUCTS, reference.INTERACTIONS)
# What a row of each monitor's table is, for the page.
_ROW = {DATA: "column", EMBEDDINGS: "modality", BEHAVIOUR: "figure", SEARCHES: "search"}
_NO_CHAMPION = "no release yet: nothing to compare with"
_NO_LOG = "no log was read yet"
_SAME_DATA, _SAME_VECTORS = "the data are what they were", "the vectors lie where they lay"


@dataclass(frozen=True)
class Watched:
    """The result of a monitor. fine: None where it cannot judge. sentence: why. findings: what drifted."""

    report: StepReport
    fine: bool | None
    sentence: str
    findings: tuple[Finding, ...] = ()

    @property
    def checked(self) -> dict[str, Any]:
        """As `defs.metadata.check_results` reads it; what cannot be judged is no alarm."""
        name = f"{self.report.name}_within_policy"
        return {"name": name, "passed": self.fine is not False, "severity": "warn", "text": self.sentence}


def watch_data(workspace: Workspace) -> Watched:
    """Columns of products and of the log's last days beside those of the release."""
    released = reference.ReleasedReference(workspace)
    before = {name: sample for name in _TABLES if (sample := released.table(name)) is not None}
    if not before:
        return _untold(DATA, "; ".join(released.missing) or _NO_CHAMPION)
    now = {name: reference.table_now(workspace, name) for name in before}

    digests = [sample.digest for sample in (*before.values(), *now.values())]
    report, rows = _stored(workspace, DATA, digests, lambda: _columns(before, now))
    findings = drift.data_findings(rows, workspace.monitoring_policy)
    report.metrics["columns that drifted"] = len({finding.subject for finding in findings})
    report.charts["data drift"] = lambda: _drawn_columns(rows, workspace.monitoring_policy)
    return _watched(report, findings, _SAME_DATA, released.missing)


def watch_embeddings(workspace: Workspace) -> Watched:
    """Vectors of today's catalogue beside those of the release, modality by modality; which cannot be
    compared, and why, is said."""
    released = reference.ReleasedReference(workspace)
    before = released.vectors()
    if before is None:
        return _untold(EMBEDDINGS, "; ".join(released.missing) or _NO_CHAMPION)
    now, other = reference.vectors_now(workspace), _other_encoders(workspace)
    digests = [before.digest, now.digest, *sorted(other)]
    report, rows = _stored(workspace, EMBEDDINGS, digests, lambda: _modalities(before, now, other))
    findings = embedding_drift.embedding_findings(rows, workspace.monitoring_policy)
    if rows[embedding_drift.NOT_COMPARED].null_count():
        report.charts["embedding drift"] = lambda: _drawn_modalities(rows, workspace.monitoring_policy)
    return _watched(report, findings, _SAME_VECTORS, _not_compared(rows))


def watch_behaviour(workspace: Workspace) -> Watched:
    """Searches of the log's last days beside those of the release: clicks, missing results, query mix."""
    policy, released = workspace.monitoring_policy, reference.ReleasedReference(workspace)
    before = released.table(reference.SEARCHES)
    if before is None:
        return _untold(BEHAVIOUR, "; ".join(released.missing) or _NO_CHAMPION)
    now = reference.table_now(workspace, reference.SEARCHES)

    def table() -> pl.DataFrame:
        return behaviour_drift.behaviour_drift(before.load(), now.load(), policy.confidence)

    digests = [before.digest, now.digest, str(policy.confidence)]
    report, rows = _stored(workspace, BEHAVIOUR, digests, table)
    if rows.is_empty():
        few = f"fewer than {behaviour_drift.MIN_SEARCHES} searches in {policy.days} days: cannot tell"
        return Watched(report, None, few)
    report.charts["behaviour drift"] = lambda: _drawn_shares(rows)
    findings = behaviour_drift.behaviour_findings(rows, policy)
    return _watched(report, findings, "people search and choose as they did", released.missing)


def drift_since_champion(workspace: Workspace) -> list[str]:
    """Sentences about how the data and vectors of now differ from those of the released engine; for the
    reviewer of a candidate, and stored nowhere: what the monitors say is about what is served."""
    released, policy = reference.ReleasedReference(workspace), workspace.monitoring_policy
    if not released.released:
        return [_NO_CHAMPION]
    before = {name: sample for name in _TABLES if (sample := released.table(name)) is not None}
    sentences = list[str]()
    if before:
        rows = _columns(before, {name: reference.table_now(workspace, name) for name in before})
        sentences.append(verdict(drift.data_findings(rows, policy), unchanged=_SAME_DATA))
    vectors = released.vectors()
    if vectors is not None:
        rows = _modalities(vectors, reference.vectors_now(workspace), _other_encoders(workspace))
        findings = embedding_drift.embedding_findings(rows, policy)
        sentences += [verdict(findings, unchanged=_SAME_VECTORS), *_not_compared(rows)]
    return [*sentences, *released.missing]


def _columns(
    before: Mapping[str, reference.Sample[pl.DataFrame]], now: Mapping[str, reference.Sample[pl.DataFrame]]
) -> pl.DataFrame:
    """How each column of these tables differs."""
    parts = [
        drift.table_drift(before[name].load(), now[name].load()).with_columns(table=pl.lit(name))
        for name in before
    ]
    return drift.with_adjusted(pl.concat(parts).select("table", pl.exclude("table")))


def _modalities(
    before: reference.Sample[reference.Vectors],
    now: reference.Sample[reference.Vectors],
    other_encoders: set[str],
) -> pl.DataFrame:
    """How far the vectors of each modality moved."""
    old, new = before.load(), now.load()
    return embedding_drift.embedding_drift(
        old.items, new.items, categories=(old.categories, new.categories), other_encoders=other_encoders
    )


def _watched(report: StepReport, findings: list[Finding], unchanged: str, notes: list[str]) -> Watched:
    """The verdict in words, on the page and in the check."""
    sentence = "; ".join([verdict(findings, unchanged=unchanged), *notes])
    return Watched(report, not findings, sentence, tuple(findings))


def _not_compared(drift_table: pl.DataFrame) -> list[str]:
    """A sentence for each modality that `embedding_drift` left out."""
    reason = embedding_drift.NOT_COMPARED
    left_out = drift_table.drop_nulls(reason).select("modality", reason).iter_rows()
    return [f"{modality} is not compared: {why}" for modality, why in left_out]


def watch_searches(workspace: Workspace) -> Watched:
    """The feedback log by day, and whether clicks fell."""
    policy = workspace.monitoring_policy
    try:
        log = [workspace.lake.current(name) for name in ("searches", "interactions")]
    except MmsearchError:  # a home so new that no refresh has come to its log
        return _untold(SEARCHES, _NO_LOG)

    def table() -> pl.DataFrame:
        return search_quality.by_search(*(snapshot.table() for snapshot in log))

    report, taken = _stored(workspace, SEARCHES, [snapshot.digest for snapshot in log], table)
    days = search_quality.by_day(taken)
    report.tables = {"by day": days.tail(31)}
    if days.height:
        report.charts["searches with a click"] = lambda: _drawn(days)
    change = search_quality.click_change(taken, policy.days, policy.confidence)
    if change is None:
        return Watched(report, None, f"fewer than two periods of {policy.days} days with searches")
    report.metrics |= {name: round(value, 4) for name, value in asdict(change).items()}
    fell = change.high < -policy.click_drop
    sentence = (
        f"share of searches with a click: {change.difference:+.3f} [{change.low:+.3f}, {change.high:+.3f}] "
        f"in the last {policy.days} days ({change.now:,} searches, {change.before:,} before)"
    )
    return Watched(report, not fell, sentence)


def _stored(
    workspace: Workspace, name: str, made_of: list[str], table: Any
) -> tuple[StepReport, pl.DataFrame]:
    """The monitor's table as a snapshot of its own, made once for the same inputs."""
    with timed(name) as report:
        digest = digest_of({"code": CODE_VERSION, "of": made_of})
        snapshot, made = workspace.lake.obtain_table(name, digest, lambda: (table(), {}))
        rows = snapshot.table()
        report.about(snapshot, made)
        report.tables[f"by {_ROW[name]}"] = rows.rename(
            {column: column.replace("_", " ") for column in rows.columns}
        )
    return report, rows


def _untold(name: str, why: str) -> Watched:
    return Watched(StepReport(name, made=False, note=why), None, why)


def _other_encoders(workspace: Workspace) -> set[str]:
    """Modalities whose vectors of today another encoder made than the champion's."""
    champion = workspace.registry.champion()
    before = {encoder.modality: encoder.fingerprint for encoder in champion.encoders} if champion else {}
    now = {name: FeatureFacts.of(workspace.lake.current(asset_of(name))).encoder for name in before}
    return {name for name, fingerprint in now.items() if fingerprint not in (None, before[name])}


def _drawn(days: pl.DataFrame) -> bytes:
    from mmsearch_dagster.adapters.reports.charts import curves

    shares = ("with a click", "with a purchase")
    lines = {name: list(enumerate(days[name].to_list())) for name in shares}
    names = [f"{day:%d %b}" for day in days[search_quality.DAY]]
    return curves(lines, title="Searches by day", y_label="share", x_label="day", x_names=names)


def _drawn_columns(rows: pl.DataFrame, policy: MonitoringPolicy) -> bytes:
    from mmsearch_dagster.adapters.reports.charts import panels

    names = [f"{table}: {column}" for table, column in rows.select("table", "column").iter_rows()]
    change = (rows[drift.MISSING_NOW] - rows[drift.MISSING_BEFORE]).abs()
    figures = {"population stability index": rows["stability"], "change of missing share": change}
    values = {title: dict(zip(names, column, strict=True)) for title, column in figures.items()}
    bounds = dict(zip(figures, (policy.stability, policy.missing), strict=True))
    return panels(values, title="Data since the release", bounds=bounds)


def _drawn_shares(rows: pl.DataFrame) -> bytes:
    from mmsearch_dagster.adapters.reports.charts import panels

    shares = rows.drop_nulls("change").select("figure", "before", "now").iter_rows()
    values = {figure: {"at the release": before, "now": now} for figure, before, now in shares}
    return panels(values, title="Searches since the release", highlight="now")


def _drawn_modalities(rows: pl.DataFrame, policy: MonitoringPolicy) -> bytes:
    from mmsearch_dagster.adapters.reports.charts import panels

    compared = rows.filter(pl.col(embedding_drift.NOT_COMPARED).is_null())
    titles = {
        **{"centroid": "1 - cosine of the means", "outside": "share outside"},
        **{"auc": "AUC of a classifier", "category_shift": "largest shift of a category"},
    }
    values = {
        title: dict(zip(compared["modality"], compared[name], strict=True)) for name, title in titles.items()
    }
    limits = (policy.centroid, policy.outside, policy.auc, policy.category)
    bounds = dict(zip(titles.values(), limits, strict=True))
    return panels(values, title="Vectors since the release", bounds=bounds)
