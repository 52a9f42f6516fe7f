"""The lake of today beside the snapshots that the champion was made of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.monitoring import drift, search_quality
from mmsearch_dagster.core.monitoring.embedding_drift import NOT_COMPARED, embedding_drift
from mmsearch_dagster.pipeline.features.encode import FeatureFacts, asset_of
from mmsearch_dagster.pipeline.release.catalogue_refresh import PRODUCTS, TRAINED_PRODUCTS
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.lake.snapshots import Snapshot

DATA, EMBEDDINGS, SEARCHES = "data_drift", "embedding_drift", "search_quality"
CODE_VERSION = "2"
_TRAITS = {"products": drift.product_traits, "interactions": drift.event_traits}
_NO_CHAMPION = "no release yet: nothing to compare with"


@dataclass(frozen=True)
class Watched:
    """The result of a monitor. fine: None where it cannot judge. sentence: why."""

    report: StepReport
    fine: bool | None
    sentence: str

    @property
    def checked(self) -> dict[str, Any]:
        """As `defs.metadata.check_results` reads it; what cannot be judged is no alarm."""
        name = f"{self.report.name}_within_policy"
        return {"name": name, "passed": self.fine is not False, "severity": "warn", "text": self.sentence}


def watch_data(workspace: Workspace) -> Watched:
    """Columns of products and of the log: stability since the champion's snapshots."""
    policy = workspace.monitoring_policy
    pairs = _then_and_now(workspace, *_TRAITS)

    def table() -> pl.DataFrame:
        parts = [
            drift.table_drift(*(_TRAITS[name](snapshot.table()) for snapshot in pair)).with_columns(
                table=pl.lit(name)
            )
            for name, pair in pairs.items()
        ]
        return pl.concat(parts).select("table", pl.exclude("table"))

    gone = _gone(workspace, pairs, *_TRAITS)
    if not pairs:
        return _untold(DATA, "; ".join(gone) or _NO_CHAMPION)
    report, drift_table = _stored(
        workspace, DATA, [snapshot.digest for pair in pairs.values() for snapshot in pair], table
    )
    names = list(drift.drifted(drift_table, policy.stability))
    report.metrics["columns that drifted"] = len(names)
    sentence = f"drifted since the champion: {', '.join(names)}" if names else "the data are what they were"
    return Watched(report, not names, "; ".join([sentence, *gone]))


def watch_embeddings(workspace: Workspace) -> Watched:
    """Vectors of every modality: their middle and their reach since the champion's; which modalities cannot
    be compared, and why, is said."""
    from mmsearch_dagster.adapters.lake.batches import load_batch

    policy = workspace.monitoring_policy
    pairs = _then_and_now(workspace, examples.ASSET)
    if not pairs:
        return _untold(EMBEDDINGS, "; ".join(_gone(workspace, pairs, examples.ASSET)) or _NO_CHAMPION)
    pair = pairs[examples.ASSET]
    other = _other_encoders(workspace)

    def table() -> pl.DataFrame:
        before, now = (load_batch(snapshot.folder, examples.ITEMS) for snapshot in pair)
        return embedding_drift(before, now, other_encoders=other)

    report, drift_table = _stored(
        workspace, EMBEDDINGS, [*(snapshot.digest for snapshot in pair), *sorted(other)], table
    )
    far = (pl.col("centroid") >= policy.centroid) | (pl.col("outside") >= policy.outside)
    names = drift_table.filter(far)["modality"].to_list()
    sentence = f"moved since the champion: {', '.join(names)}" if names else "the vectors lie where they lay"
    return Watched(report, not names, "; ".join([sentence, *_not_compared(drift_table)]))


def _not_compared(drift_table: pl.DataFrame) -> list[str]:
    """A sentence for each modality that `embedding_drift` left out."""
    left_out = drift_table.drop_nulls(NOT_COMPARED).select("modality", NOT_COMPARED).iter_rows()
    return [f"{modality} is not compared: {why}" for modality, why in left_out]


def watch_searches(workspace: Workspace) -> Watched:
    """The feedback log by day, and whether clicks fell."""
    policy = workspace.monitoring_policy
    try:
        log = [workspace.lake.current(name) for name in ("searches", "interactions")]
    except MmsearchError:  # a home so new that no refresh has come to its log
        return _untold(SEARCHES, "no log was read yet")

    def table() -> pl.DataFrame:
        return search_quality.by_search(*(snapshot.table() for snapshot in log))

    report, taken = _stored(workspace, SEARCHES, [snapshot.digest for snapshot in log], table)
    days = search_quality.by_day(taken)
    report.tables = {"by day": days.tail(31)}
    if days.height:
        report.images["searches with a click"] = _drawn(days)
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


def _then_and_now(workspace: Workspace, *assets: str) -> "dict[str, tuple[Snapshot, Snapshot]]":
    """Asset -> the champion's snapshot of it, and today's; those of which the lake has the former."""
    champion = workspace.registry.champion()
    digests = dict(champion.snapshots) if champion else {}
    if TRAINED_PRODUCTS in digests:  # a refreshed release: its model knows an earlier catalogue
        digests[PRODUCTS] = digests[TRAINED_PRODUCTS]
    before = {name: workspace.lake.find(name, digests[name]) for name in assets if name in digests}
    return {name: (then, workspace.lake.current(name)) for name, then in before.items() if then is not None}


def _gone(workspace: Workspace, pairs: Mapping[str, object], *assets: str) -> list[str]:
    """A sentence for each asset whose snapshot of the champion's the lake no longer has."""
    if workspace.registry.champion() is None:
        return []
    return [
        f"{name} is not compared: the lake no longer has the champion's"
        for name in assets
        if name not in pairs
    ]


def _stored(
    workspace: Workspace, name: str, made_of: list[str], table: Any
) -> tuple[StepReport, pl.DataFrame]:
    """The monitor's table as a snapshot of its own, made once for the same inputs."""
    with timed(name) as report:
        digest = digest_of({"code": CODE_VERSION, "of": made_of})
        snapshot, made = workspace.lake.obtain_table(name, digest, lambda: (table(), {}))
        rows = snapshot.table()
        report.about(snapshot, made)
        report.tables["table"] = rows
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
    first = days[search_quality.DAY].min()
    return curves(lines, title=f"Searches by day, from {first}", y_label="share")
