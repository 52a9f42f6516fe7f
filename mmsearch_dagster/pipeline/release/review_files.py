"""What lies with a model version in MLflow for a reviewer: the report, the decision, its inputs."""

import json
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter

from mmsearch_dagster.adapters.lake.lineage import Lineage
from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.evaluation.sample_queries import SampleQuery
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.evaluation import files
from mmsearch_dagster.pipeline.workspace import Workspace, media_file


def attach_review_files(
    workspace: Workspace, lineage: Lineage, manifest: ReleaseManifest, decision: Decision, sentence: str
) -> None:
    """Writes `review/<release>/` beside the model's files: `report.html`, `decision.json`, `manifest.json`,
    and `gate_inputs.json` where the evaluation kept it.

    sentence: the verdict.
    """
    folder = lineage[files.ASSET].folder
    contents = {
        "report.html": _report(workspace, lineage, manifest, decision, sentence),
        "decision.json": decision.model_dump_json(indent=1),
        "manifest.json": manifest.model_dump_json(indent=1),
    }
    if (folder / files.GATE_INPUTS).exists():
        contents["gate_inputs.json"] = (folder / files.GATE_INPUTS).read_text(encoding="utf-8")
    workspace.registry.attach_files(manifest.model_version, f"review/{manifest.release_id}", contents)


def _report(
    workspace: Workspace, lineage: Lineage, manifest: ReleaseManifest, decision: Decision, sentence: str
) -> str:
    from mmsearch_dagster.adapters.reports.review_report import review_report, thumbnail

    folder, products = lineage[files.ASSET].folder, lineage["products"].table()
    samples = _samples(folder)
    shown = {product for sample in samples for product in (*sample.candidate, *sample.champion)}
    rows = products.filter(pl.col(c.PRODUCT_ID).is_in(sorted(shown)))
    first = {row[c.PRODUCT_ID]: (row[c.IMAGE_URIS] or [None])[0] for row in rows.iter_rows(named=True)}
    small = {product: thumbnail(media_file(workspace, uri)) for product, uri in first.items() if uri}
    return review_report(
        manifest,
        sentence,
        decision,
        pl.read_parquet(folder / files.QUALITY),
        samples=samples,
        titles=dict(rows.select(c.PRODUCT_ID, c.TITLE).iter_rows()),
        pictures={product: picture for product, picture in small.items() if picture},
    )


def _samples(folder: Path) -> list[SampleQuery]:
    file = folder / files.SAMPLES
    if not file.exists():  # an evaluation of before they were kept
        return []
    return TypeAdapter(list[SampleQuery]).validate_python(json.loads(file.read_text(encoding="utf-8")))
