"""Measure every retriever, strategy and the champion on the same judged queries, then let the gate decide."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.adapters.lake.lineage import lineage_of
from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.evaluation.comparison import (
    CHAMPION,
    ENGINE,
    Judge,
    all_values,
    choose_winner,
    evaluation_metrics,
)
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, Rankings
from mmsearch_dagster.core.evaluation.quality_table import ALL, quality_table
from mmsearch_dagster.core.fusion.config import Strategy
from mmsearch_dagster.core.labels.provenance import JUDGED, Provenance
from mmsearch_dagster.core.metrics.ranking import by_query
from mmsearch_dagster.core.modalities import ModalityBatch
from mmsearch_dagster.core.release import ReleaseManifest, RetrievalParams
from mmsearch_dagster.pipeline.evaluation.champion import rankings, stored_values, why_not_again
from mmsearch_dagster.pipeline.evaluation.files import (
    ASSET,
    BARS,
    BY_PROVENANCE,
    DECISION,
    PER_QUERY,
    QUALITY,
    TESTED,
)
from mmsearch_dagster.pipeline.evaluation.log_metrics import tell_mlflow
from mmsearch_dagster.pipeline.evaluation.retrieve import retriever_lists, words_table
from mmsearch_dagster.pipeline.evaluation.validation import ValidationQueries
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.candidates import CandidateFacts, candidates_of
from mmsearch_dagster.pipeline.training.queries import DEV, TEST, VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace

TEST_TITLE = "test (never used to choose)"
CODE_VERSION = "10"


def evaluate(workspace: Workspace) -> StepReport:
    """One report per set of candidates, queries, policy and champion.

    Nothing new to compare with a champion that came of the same set: its own report stands.
    """
    with timed(ASSET) as report:
        inputs = _Inputs.current(workspace)
        source, candidates = inputs.examples, inputs.candidates
        champion = workspace.registry.champion()
        inputs_digest = digest_of(
            {
                "code": CODE_VERSION,
                "examples": source.digest,
                "candidates": {
                    name: [snapshot.digest, CandidateFacts.of(snapshot).weights]
                    for name, snapshot in candidates.items()
                },
                "policy": workspace.gate_policy.model_dump(),
                "multilingual": workspace.multilingual,
            }
        )

        def make(folder: Path) -> dict[str, Any]:
            return _Evaluation(workspace, inputs, champion).write(folder, inputs_digest).model_dump()

        digest = _digest(workspace, inputs, inputs_digest, champion)
        made_from = [source, *candidates.values()]
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


class EvaluationFacts(Facts):
    """What later steps read of an evaluation.

    provenance: how the answers to the queries that decided are known. engine: mean of `metric` of the engine
    to be released.
    inputs_digest: of all but the champion; an evaluation of the same inputs is not made again.
    """

    winner: Strategy
    passed: bool
    retrieval: RetrievalParams
    provenance: Provenance = JUDGED
    metric: str
    engine: float
    inputs_digest: str


@dataclass(frozen=True)
class _Inputs:
    """The snapshots that an evaluation reads, all of one lineage."""

    examples: Snapshot
    products: Snapshot
    candidates: dict[Strategy, Snapshot]
    modalities: tuple[str, ...]

    @classmethod
    def current(cls, workspace: Workspace) -> "_Inputs":
        """Raises LineageError where the candidates were not trained on the current examples."""
        candidates = candidates_of(workspace)
        source = workspace.lake.current(examples.ASSET)
        lineage = lineage_of(workspace.lake, [source, *candidates.values()])
        return cls(source, lineage["products"], candidates, tuple(examples.modalities_of(lineage)))


def _digest(
    workspace: Workspace, inputs: _Inputs, inputs_digest: str, champion: ReleaseManifest | None
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


class _Evaluation:
    """One evaluation, its inputs loaded once."""

    def __init__(
        self,
        workspace: Workspace,
        inputs: _Inputs,
        champion: ReleaseManifest | None,
    ) -> None:
        self._workspace, self._inputs, self._champion_manifest = workspace, inputs, champion

    def write(self, folder: Path, inputs_digest: str) -> EvaluationFacts:
        """Measure, decide, store."""
        from mmsearch_dagster.adapters.lake.batches import load_queries
        from mmsearch_dagster.core.fusion.model import TwoTower, load_model
        from mmsearch_dagster.core.gate.rules import decide

        items = examples.load_views(self._inputs.examples)
        policy = self._workspace.gate_policy
        sets = {name: load_queries(self._inputs.examples.folder, name) for name in (DEV, VALIDATION, TEST)}
        validation = ValidationQueries.of(sets[VALIDATION], policy)
        queries = validation.deciding
        words = words_table(self._workspace, self._inputs.products)
        lists = retriever_lists(words, items)
        models: dict[Strategy, TwoTower] = {
            name: load_model(snapshot.folder) for name, snapshot in self._inputs.candidates.items()
        }
        winner = choose_winner(models, items, queries)
        judge = Judge(models, winner, items, lists)
        retrieval = judge.choose(sets[DEV], multilingual=self._workspace.multilingual)
        measured = judge.measure(queries, retrieval)
        champion, past, note = self._champion(items, queries, words)
        if champion is not None:
            measured[CHAMPION] = champion
        weights = CandidateFacts.of(self._inputs.candidates[winner]).weights
        metrics = evaluation_metrics(
            measured,
            queries,
            policy.metric,
            weights=weights,
            note=note,
            provenance=validation.provenance,
            counts=validation.counts,
            remembered=None if past is None else by_query(past, policy.metric),
        )
        decision = decide(metrics, policy)
        (folder / DECISION).write_text(decision.to_json(), encoding="utf-8")
        values = all_values(measured, queries, policy.metric)
        if past is not None:
            values = pl.concat([values, past.select(values.columns)])
        values.write_parquet(folder / PER_QUERY)
        by_provenance = validation.table(
            values,
            lambda others: all_values(judge.measure(others, retrieval), others, policy.metric),
            policy,
        )
        by_provenance.write_parquet(folder / BY_PROVENANCE)
        table = quality_table(values, policy)
        table.write_parquet(folder / QUALITY)
        (folder / BARS).write_bytes(quality_bars(table, policy.metric))
        if len(sets[TEST].batch):
            tested = all_values(judge.measure(sets[TEST], retrieval), sets[TEST], policy.metric)
            quality_table(tested, policy).write_parquet(folder / TESTED)
        return EvaluationFacts(
            rows=len(queries.batch),
            winner=winner,
            passed=decision.passed,
            retrieval=retrieval,
            provenance=validation.provenance,
            metric=policy.metric,
            engine=round(float(np.mean(list(metrics.engine.values()) or [np.nan])), 4),
            inputs_digest=inputs_digest,
        )

    def _champion(
        self, items: ModalityBatch, queries: JudgedQueries, words: PinnedTable
    ) -> tuple[Rankings | None, pl.DataFrame | None, str | None]:
        """The champion's rankings now, or the stored values of its evaluation; and why not the first."""
        champion = self._champion_manifest
        if champion is None:
            return None, None, None
        note = why_not_again(self._workspace, champion, self._inputs.modalities)
        if note is None:
            return rankings(self._workspace, champion, items, queries, words=words), None, None
        return None, stored_values(self._workspace, champion, queries), note


def quality_bars(table: pl.DataFrame, metric: str) -> bytes:
    """The retrievers side by side over all queries, with intervals."""
    from mmsearch_dagster.adapters.reports.charts import Bar, metric_bars

    rows = table.filter(pl.col("kind") == ALL)
    bars = [
        Bar(row["branch"], row[metric], row["low"], row["high"], highlight=row["branch"] == ENGINE)
        for row in rows.iter_rows(named=True)
    ]
    return metric_bars(bars, title=f"{metric} on validation queries", metric=metric)
