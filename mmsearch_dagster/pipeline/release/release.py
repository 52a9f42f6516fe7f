"""The step `release`: the pointer moves to the challenger, where its stored decision lets it."""

import json

import polars as pl

from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.release.await_review import waits_for_review
from mmsearch_dagster.pipeline.release.challenger import MODEL_VERSION, registered
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import Workspace

CODE_VERSION = "1"
ASSET = "release"


def release(workspace: Workspace) -> StepReport:
    """Move the pointer to the challenger, if its own stored decision and the policy of reviews allow it."""
    with timed(ASSET) as report:
        manifest = registered(workspace)
        decision = workspace.registry.decision(manifest.model_version)
        passed = decision is not None and decision.passed
        if passed and waits_for_review(workspace, manifest.model_version):
            return _waiting(report, manifest)
        why = f"gate passed for {manifest.strategy}" if decision else "no decision"
        move = workspace.registry.promote(manifest.model_version, reason=why)
        report.made, report.digest = move.moved, move.release.release_id
        report.rows = 1
        report.metrics = {
            "release": move.release.release_id,
            MODEL_VERSION: move.release.model_version,
            "moved": move.moved,
            "parent": move.release.parent,
        }
        report.note = "the pointer moved" if move.moved else "this release is already the champion"
        report.tables["manifest"] = _manifest_table(move.release)
    return report


def _waiting(report: StepReport, manifest: ReleaseManifest) -> StepReport:
    report.made, report.digest, report.rows = False, manifest.release_id, 1
    report.metrics = {"release": manifest.release_id, MODEL_VERSION: manifest.model_version, "moved": False}
    report.note = f"{manifest.release_id} waits for a review: `mmsearch approve {manifest.model_version}`"
    report.tables["manifest"] = _manifest_table(manifest)
    return report


def _manifest_table(manifest: ReleaseManifest) -> pl.DataFrame:
    fields = manifest.model_dump(mode="json")
    rows = [
        {"field": key, "value": value if isinstance(value, str) else json.dumps(value)}
        for key, value in fields.items()
    ]
    return pl.DataFrame(rows, schema={"field": pl.String, "value": pl.String})
