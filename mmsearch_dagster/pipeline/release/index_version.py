"""The step `search_index`: the challenger's index as a new version that nobody reads yet, and its checks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.errors import IndexCheckError, MmsearchError
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.evaluation import files
from mmsearch_dagster.pipeline.evaluation.evaluate import gate_table
from mmsearch_dagster.pipeline.features.index_rows import index_rows
from mmsearch_dagster.pipeline.release.challenger import registered
from mmsearch_dagster.pipeline.release.golden_queries import measured_queries, reviewed_queries
from mmsearch_dagster.pipeline.release.review_files import describe_version
from mmsearch_dagster.pipeline.release.serving_decision import decide_serving
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.index.golden_checks import IndexCheck
    from mmsearch_dagster.core.fusion.model import TwoTower

CODE_VERSION = "1"
ASSET = "search_index"


def build_index(workspace: Workspace) -> tuple[StepReport, list[dict[str, Any]]]:
    """The challenger's index as a new version of the catalogue's table, checked, unserved."""
    from mmsearch_dagster.core.fusion.model import load_model

    with timed(ASSET) as report:
        manifest = registered(workspace)
        products = _snapshot(workspace, manifest, "products").table()
        model = load_model(workspace.registry.model_folder(manifest.model_version))
        rows = _rows_of(workspace, manifest, products, model)
        pin = workspace.index.publish(
            manifest.catalogue, manifest.release_id, rows, progress=workspace.progress
        )
        evaluated, judged = (_snapshot(workspace, manifest, name) for name in (files.ASSET, examples.ASSET))
        checks = workspace.index.check(
            pin,
            products,
            reviewed=reviewed_queries(workspace.assets, manifest.catalogue),
            measured=measured_queries(evaluated, judged, model, manifest.strategy),
        )
        failed = [check.name for check in checks if not check.passed]
        if not failed:
            workspace.registry.attach_index(manifest.model_version, pin)
            decision = decide_serving(workspace, manifest.model_version, checks)
            if decision is not None:
                describe_version(workspace, workspace.registry.manifest(manifest.model_version), decision)
                report.tables["gate"] = gate_table(decision.model_dump())
        report.digest, report.rows = manifest.release_id, pin.rows
        report.metrics = {
            "table": pin.table,
            "tag": pin.tag,
            "table version": pin.version,
            "vector index": pin.vector_index,
            "measured recall@10": pin.measured_recall,
        }
        report.tables["first rows"] = rows.select(pl.exclude("^.*vector$")).head(5)
    return report, outcomes_of(checks)


def outcomes_of(checks: "Sequence[IndexCheck]") -> list[dict[str, Any]]:
    """The checks of an index version as `raise_if_failed` and Dagster's pages read them."""
    return [
        {"name": check.name, "passed": check.passed, "severity": "error", "figures": dict(check.figures)}
        for check in checks
    ]


def _rows_of(
    workspace: Workspace, manifest: ReleaseManifest, products: pl.DataFrame, model: "TwoTower"
) -> pl.DataFrame:
    items = examples.load_views(_snapshot(workspace, manifest, examples.ASSET))
    return index_rows(products, items, model.items(items), model.spec.frames)


def _snapshot(workspace: Workspace, manifest: ReleaseManifest, asset: str) -> Snapshot:
    snapshot = workspace.lake.find(asset, manifest.snapshots[asset])
    if snapshot is None:
        raise MmsearchError(
            f"the snapshots of release {manifest.release_id} are gone from the lake: run again"
        )
    return snapshot


def raise_if_failed(outcomes: Sequence[dict[str, Any]]) -> None:
    """Raises IndexCheckError naming the checks that failed, and the queries that find nothing right."""
    failed = [_failure(outcome) for outcome in outcomes if not outcome["passed"]]
    if failed:
        raise IndexCheckError(
            f"the new index version is not served, these checks failed: {', '.join(failed)}"
        )


def _failure(outcome: dict[str, Any]) -> str:
    missed = outcome["figures"].get("missed")
    return f"{outcome['name']} (not found: {missed})" if missed else outcome["name"]
