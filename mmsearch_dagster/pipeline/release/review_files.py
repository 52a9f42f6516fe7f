"""Files for a reviewer, attached to the model version in MLflow: the report, the decision, its inputs."""

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.evaluation.comparison import ENGINE
from mmsearch_dagster.core.evaluation.model_card import ModelCard
from mmsearch_dagster.core.evaluation.quality_table import verdict
from mmsearch_dagster.core.evaluation.review_page import review_page
from mmsearch_dagster.core.evaluation.sample_queries import SampleQuery
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.evaluation import files
from mmsearch_dagster.pipeline.evaluation.files import EvaluationFacts
from mmsearch_dagster.pipeline.monitoring.monitors import drift_since_champion
from mmsearch_dagster.pipeline.workspace import Workspace, media_file

_TRAINED_ON = ("products", "interactions", "searches", "queries", "reviews")
_NO_PRODUCTS = schemas.PRODUCTS.to_frame()


def describe_version(workspace: Workspace, manifest: ReleaseManifest, decision: Decision) -> None:
    """Writes the version's description, and `review/<release>/` beside the model's files: `report.html`,
    `decision.json`, `manifest.json`, and `gate_inputs.json` where the evaluation kept it.

    Args:
        workspace: the home; its data are those that the version was made from.
        manifest: of the version.
        decision: about it.
    """
    evaluated = workspace.lake.find(files.ASSET, manifest.snapshots.get(files.ASSET, "none"))
    if evaluated is None:  # cleaned up since: what was written then stands
        return
    evaluation, folder = EvaluationFacts.of(evaluated), evaluated.folder
    sentence = verdict_of(workspace, evaluation, folder, decision)
    drift = drift_since_champion(workspace)
    page = review_page(
        sentence,
        pl.read_parquet(folder / files.QUALITY),
        decision,
        manifest.snapshots,
        metric=evaluation.metric,
        drift=drift,
        card=_card(workspace, manifest, evaluation, decision),
    )
    workspace.registry.describe(manifest.model_version, page)
    contents = {
        "report.html": _report(workspace, folder, manifest, decision, sentence, drift),
        "decision.json": decision.model_dump_json(indent=1),
        "manifest.json": manifest.model_dump_json(indent=1),
    }
    if (folder / files.GATE_INPUTS).exists():
        contents["gate_inputs.json"] = (folder / files.GATE_INPUTS).read_text(encoding="utf-8")
    workspace.registry.attach_files(manifest.model_version, f"review/{manifest.release_id}", contents)


def verdict_of(workspace: Workspace, evaluation: EvaluationFacts, folder: Path, decision: Decision) -> str:
    """One sentence about a version. folder: of the evaluation's snapshot."""
    return verdict(
        pl.read_parquet(folder / files.QUALITY),
        workspace.gate_policy,
        retriever=ENGINE,
        strategy=evaluation.winner,
        passed=decision.passed,
        provenance=evaluation.provenance,
    )


def _card(
    workspace: Workspace, manifest: ReleaseManifest, evaluation: EvaluationFacts, decision: Decision
) -> ModelCard:
    found = {
        name: snapshot
        for name in _TRAINED_ON
        if (snapshot := workspace.lake.find(name, manifest.snapshots.get(name, "none"))) is not None
    }
    return ModelCard(
        catalogue=manifest.catalogue,
        strategy=manifest.strategy,
        encoders=manifest.encoders,
        ranking=manifest.ranking.strategy if manifest.ranking else None,
        rows={name: int(rows) for name, snapshot in found.items() if (rows := snapshot.facts.get("rows"))},
        queries=evaluation.rows,
        provenance=evaluation.provenance,
        decision=decision,
    )


def _report(
    workspace: Workspace,
    folder: Path,
    manifest: ReleaseManifest,
    decision: Decision,
    sentence: str,
    drift: Sequence[str],
) -> str:
    from mmsearch_dagster.adapters.reports.review_report import review_report, thumbnail

    samples = _samples(folder)
    shown = {product for sample in samples for product in (*sample.candidate, *sample.champion)}
    products = workspace.lake.find("products", manifest.snapshots["products"])
    rows = products.table().filter(pl.col(col.PRODUCT_ID).is_in(sorted(shown))) if products else _NO_PRODUCTS
    first = {row[col.PRODUCT_ID]: (row[col.IMAGE_URIS] or [None])[0] for row in rows.iter_rows(named=True)}
    small = {product: thumbnail(media_file(workspace, uri)) for product, uri in first.items() if uri}
    return review_report(
        manifest,
        sentence,
        decision,
        pl.read_parquet(folder / files.QUALITY),
        samples=samples,
        titles=dict(rows.select(col.PRODUCT_ID, col.TITLE).iter_rows()),
        pictures={product: picture for product, picture in small.items() if picture},
        drift=drift,
    )


def _samples(folder: Path) -> list[SampleQuery]:
    file = folder / files.SAMPLES
    if not file.exists():  # an evaluation of before they were kept
        return []
    return TypeAdapter(list[SampleQuery]).validate_python(json.loads(file.read_text(encoding="utf-8")))
