"""Measure every retriever, strategy and the champion on the same judged queries, then let the gate decide."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.evaluation.champion import why_not_again
from mmsearch_dagster.pipeline.evaluation.files import ASSET, BARS, BY_PROVENANCE, DECISION, QUALITY, TESTED
from mmsearch_dagster.pipeline.evaluation.log_metrics import tell_mlflow
from mmsearch_dagster.pipeline.evaluation.measurement import Evaluation, EvaluationInputs
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training.candidates import CandidateFacts
from mmsearch_dagster.pipeline.workspace import Workspace

TEST_TITLE = "test (never used to choose)"
CODE_VERSION = "12"


def evaluate(workspace: Workspace) -> StepReport:
    """One report per set of candidates, queries, policy and champion.

    Nothing new to compare with a champion that came of the same set: its own report stands.
    """
    with timed(ASSET) as report:
        inputs = EvaluationInputs.current(workspace)
        source, candidates, ranking = inputs.examples, inputs.candidates, inputs.ranking
        champion = workspace.registry.champion()
        inputs_digest = digest_of(
            {
                "code": CODE_VERSION,
                "examples": source.digest,
                "candidates": {
                    name: [snapshot.digest, CandidateFacts.of(snapshot).weights]
                    for name, snapshot in candidates.items()
                },
                "ranking": ranking.digest,
                "policy": workspace.gate_policy.rules,
                "multilingual": workspace.multilingual,
            }
        )

        def make(folder: Path) -> dict[str, Any]:
            return Evaluation.load(workspace, inputs, champion).write(folder, inputs_digest).model_dump()

        digest = _digest(workspace, inputs, inputs_digest, champion)
        made_from = [source, *candidates.values(), ranking]
        snapshot, made = workspace.lake.obtain(ASSET, digest, make, inputs=made_from)
        report.about(snapshot, made)
        tell_mlflow(workspace, snapshot, source.digest, candidates)
        report.tables["quality"] = pl.read_parquet(snapshot.folder / QUALITY)
        if (snapshot.folder / BY_PROVENANCE).exists():  # a champion's of before has none
            report.tables["quality by provenance"] = pl.read_parquet(snapshot.folder / BY_PROVENANCE)
        if (snapshot.folder / TESTED).exists():
            report.tables[TEST_TITLE] = pl.read_parquet(snapshot.folder / TESTED)
        report.tables["gate"] = gate_table(json.loads((snapshot.folder / DECISION).read_text()))
        report.images["quality, drawn"] = (snapshot.folder / BARS).read_bytes()
    return report


def _digest(
    workspace: Workspace, inputs: EvaluationInputs, inputs_digest: str, champion: ReleaseManifest | None
) -> str:
    """Of the report to be made; of the champion's own, where that came of the same inputs: it won then."""
    if champion is not None and ASSET in champion.snapshots:
        champion_report = workspace.lake.find(ASSET, champion.snapshots[ASSET])
        if champion_report is not None and champion_report.facts.get("inputs_digest") == inputs_digest:
            return champion_report.digest
    facts = {"inputs": inputs_digest, "champion": champion.release_id if champion else None}
    if (
        champion is not None
        and ASSET in champion.snapshots
        and why_not_again(workspace, champion, inputs.modalities)
    ):
        facts["remembered"] = champion.snapshots[ASSET]
    return digest_of(facts)


def gate_table(decision: Mapping[str, Any]) -> pl.DataFrame:
    """The gate's answer rule by rule."""
    rows = [
        {"rule": reason["rule"], "passed": reason["passed"], "why": reason["text"]}
        for reason in decision["reasons"]
    ]
    return pl.DataFrame(rows, schema={"rule": pl.String, "passed": pl.Boolean, "why": pl.String})
