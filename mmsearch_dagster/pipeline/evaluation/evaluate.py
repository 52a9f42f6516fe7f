"""Measure every retriever, strategy and the champion on the same judged queries, then let the gate decide."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.adapters.lake.lineage import lineage_of
from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.evaluation.baseline import baseline
from mmsearch_dagster.core.evaluation.comparison import (
    CHAMPION,
    ENGINE,
    REFUSED,
    CrossFitted,
    all_values,
    evaluation_metrics,
    measure,
)
from mmsearch_dagster.core.evaluation.judged_queries import (
    SINGLE_RETRIEVERS,
    JudgedQueries,
    Rankings,
    rankings_of,
    score,
)
from mmsearch_dagster.core.evaluation.quality_table import ALL, quality_table
from mmsearch_dagster.core.fusion.config import Strategy
from mmsearch_dagster.core.fusion.dataset import JUDGED
from mmsearch_dagster.core.gate.decision import Decision, EvaluationMetrics
from mmsearch_dagster.core.gate.rules import decide, decide_baseline
from mmsearch_dagster.core.metrics.ranking import by_query
from mmsearch_dagster.core.modalities import ModalityBatch
from mmsearch_dagster.core.ranking.relevance.stage import RANKING_FOLDER, load_stage
from mmsearch_dagster.core.release import RankingPin, ReleaseManifest, RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import (
    BY_RANKS,
    VECTOR_RETRIEVER,
    order_of_kind,
    retriever_weights,
)
from mmsearch_dagster.pipeline.evaluation.champion import rankings, stored_values, why_not_again
from mmsearch_dagster.pipeline.evaluation.files import ASSET, BARS, DECISION, PER_QUERY, QUALITY, TESTED
from mmsearch_dagster.pipeline.evaluation.log_metrics import tell_mlflow
from mmsearch_dagster.pipeline.ranking import train_ranking
from mmsearch_dagster.pipeline.ranking.engine_rankings import engine_rankings, kept_items
from mmsearch_dagster.pipeline.ranking.retrieve import retriever_lists, words_table
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.candidates import CandidateFacts, candidates_of
from mmsearch_dagster.pipeline.training.queries import TEST, TRAIN, VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace

TEST_TITLE = "test (never used to choose)"
CODE_VERSION = "10"


def evaluate(workspace: Workspace) -> StepReport:
    """One report per set of candidates, queries, policy and champion.

    Nothing new to compare with a champion that came of the same set: its own report stands.
    """
    with timed(ASSET) as report:
        inputs = _Inputs.current(workspace)
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
                "policy": workspace.gate_policy.model_dump(),
                "multilingual": workspace.multilingual,
            }
        )

        def make(folder: Path) -> dict[str, Any]:
            return _Evaluation(workspace, inputs, champion).write(folder, inputs_digest).model_dump()

        digest = _digest(workspace, inputs, inputs_digest, champion)
        made_from = [source, *candidates.values(), ranking]
        snapshot, made = workspace.lake.obtain(ASSET, digest, make, inputs=made_from)
        report.about(snapshot, made)
        tell_mlflow(workspace, snapshot, source.digest, candidates)
        report.tables["quality"] = pl.read_parquet(snapshot.folder / QUALITY)
        if (snapshot.folder / TESTED).exists():
            report.tables[TEST_TITLE] = pl.read_parquet(snapshot.folder / TESTED)
        report.tables["gate"] = gate_table(json.loads((snapshot.folder / DECISION).read_text()))
        report.images["quality, drawn"] = (snapshot.folder / BARS).read_bytes()
    return report


class EvaluationFacts(Facts):
    """What later steps read of an evaluation.

    ranking: the learned order that the engine uses, if any. baseline: it is the best single retriever per
    kind. self_examination: no judged query decided. engine: mean of `metric` of the engine to be released.
    inputs_digest: of all but the champion; an evaluation of the same inputs is not made again.
    """

    winner: Strategy
    passed: bool
    retrieval: RetrievalParams
    ranking: RankingPin | None = None
    baseline: bool = False
    self_examination: bool
    metric: str
    engine: float
    inputs_digest: str


@dataclass(frozen=True)
class _Inputs:
    """The snapshots that an evaluation reads, all of one lineage."""

    examples: Snapshot
    products: Snapshot
    candidates: dict[Strategy, Snapshot]
    ranking: Snapshot
    modalities: tuple[str, ...]

    @classmethod
    def current(cls, workspace: Workspace) -> "_Inputs":
        """Raises LineageError where the candidates were not trained on the current examples."""
        candidates = candidates_of(workspace)
        source = workspace.lake.current(examples.ASSET)
        ranking = workspace.lake.current(train_ranking.ASSET)
        lineage = lineage_of(workspace.lake, [source, *candidates.values(), ranking])
        modalities = tuple(examples.modalities_of(lineage))
        return cls(source, lineage["products"], candidates, ranking, modalities)


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


@dataclass(frozen=True)
class _Engine:
    """What may be released: how candidates are ordered, by which learned ranker if any."""

    retrieval: RetrievalParams
    pin: RankingPin | None
    is_baseline: bool = False

    def fused_kinds(self, kinds: Iterable[str]) -> set[str]:
        """Kinds of query whose order is a fusion of ranks with the fused vector in it."""
        return {
            kind
            for kind in set(kinds)
            if order_of_kind(kind, self.retrieval.orders) == BY_RANKS
            and retriever_weights(kind, self.retrieval.weights)[VECTOR_RETRIEVER]
        }


class _Evaluation:
    """One evaluation, its inputs loaded once."""

    def __init__(
        self,
        workspace: Workspace,
        inputs: _Inputs,
        champion: ReleaseManifest | None,
    ) -> None:
        from mmsearch_dagster.adapters.lake.batches import load_queries
        from mmsearch_dagster.core.fusion.model import TwoTower, load_model

        self._workspace, self._inputs, self._champion_manifest = workspace, inputs, champion
        self._policy = workspace.gate_policy
        self._ranking = train_ranking.RankingFacts.of(inputs.ranking)
        self._stage = load_stage(inputs.ranking.folder / RANKING_FOLDER) if self._ranking.pin else None
        self._items = examples.load_views(inputs.examples)
        self._kept = kept_items(inputs.products.table())
        self._words = words_table(workspace, inputs.products)
        self._sets = {name: load_queries(inputs.examples.folder, name) for name in (VALIDATION, TEST)}
        self._models: dict[Strategy, TwoTower] = {
            name: load_model(snapshot.folder) for name, snapshot in inputs.candidates.items()
        }

    def write(self, folder: Path, inputs_digest: str) -> EvaluationFacts:
        """Measure, decide, store."""
        measured = self._measured(VALIDATION)
        champion, past, note = self._champion(self._items, self._sets[VALIDATION], self._words)
        if champion is not None:
            measured[CHAMPION] = champion
        engine = _Engine(self._ranking.retrieval, self._ranking.pin)
        remembered = None if past is None else by_query(past, self._policy.metric)
        decision = decide(self._metrics(measured, engine, note, remembered), self._policy)
        if not decision.passed and self._champion_manifest is None:
            engine, decision = self._baseline(measured, decision)
        (folder / DECISION).write_text(decision.to_json(), encoding="utf-8")
        values = all_values(measured, self._sets[VALIDATION], self._policy.metric)
        if past is not None:
            values = pl.concat([values, past.select(values.columns)])
        values.write_parquet(folder / PER_QUERY)
        table = quality_table(values, self._policy)
        table.write_parquet(folder / QUALITY)
        (folder / BARS).write_bytes(quality_bars(table, self._policy.metric))
        if len(self._sets[TEST].batch):
            tested = all_values(self._measured(TEST, engine), self._sets[TEST], self._policy.metric)
            quality_table(tested, self._policy).write_parquet(folder / TESTED)
        own = score(measured[ENGINE], self._sets[VALIDATION].grades, self._policy.metric)
        return EvaluationFacts(
            rows=len(self._sets[VALIDATION].batch),
            winner=self._ranking.winner,
            passed=decision.passed,
            retrieval=engine.retrieval,
            ranking=engine.pin,
            baseline=engine.is_baseline,
            self_examination=JUDGED not in self._sets[VALIDATION].origins,
            metric=self._policy.metric,
            engine=round(float(np.mean(list(own.values()) or [np.nan])), 4),
            inputs_digest=inputs_digest,
        )

    def _measured(self, split: str, engine: "_Engine | None" = None) -> dict[str, Rankings]:
        """Every ranking of one split's queries. engine: by default the challenger."""
        queries, winner = self._sets[split], self._ranking.winner
        lists = retriever_lists(self._words, self._items)(self._models[winner], queries)
        measured = measure(self._models, winner, self._items, rankings_of(lists), queries)
        engine = engine or _Engine(self._ranking.retrieval, self._ranking.pin)
        measured[ENGINE] = engine_rankings(
            lists, queries, engine.retrieval, self._stage if engine.pin else None, items=self._kept
        )
        return measured

    def _metrics(
        self,
        measured: Mapping[str, Rankings],
        engine: "_Engine",
        note: str | None = None,
        remembered: Mapping[str, float] | None = None,
    ) -> EvaluationMetrics:
        queries = self._sets[VALIDATION]
        return evaluation_metrics(
            measured,
            queries,
            self._policy.metric,
            weights=CandidateFacts.of(self._inputs.candidates[self._ranking.winner]).weights,
            note=note,
            remembered=remembered,
            cross_fitted=CrossFitted() if engine.is_baseline else self._cross_fitted(),
            fused_kinds=engine.fused_kinds(queries.kinds.values()),
        )

    def _cross_fitted(self) -> CrossFitted:
        """What the chosen orders answer to training queries they did not learn from, by the tables' names."""
        from mmsearch_dagster.adapters.lake.batches import load_queries

        file = self._inputs.ranking.folder / train_ranking.CROSS_FITTED
        if not file.exists():
            return CrossFitted()
        answers, train = pl.read_parquet(file), load_queries(self._inputs.examples.folder, TRAIN)
        ids = set(answers["query_id"].to_list())
        rankings: dict[str, Rankings] = {}
        for key, name, products in answers.iter_rows():
            rankings.setdefault(name, {})[key] = products
        return CrossFitted(
            rankings,
            {key: kind for key, kind in train.kinds.items() if key in ids},
            {key: grades for key, grades in train.grades.items() if key in ids},
        )

    def _baseline(self, measured: dict[str, Rankings], refused: Decision) -> "tuple[_Engine, Decision]":
        """The best single retriever of each kind instead of the refused challenger; `measured` names it."""
        queries, metric = self._sets[VALIDATION], self._policy.metric
        values = {
            name: score(rankings, queries.grades, metric)
            for name, rankings in measured.items()
            if name in SINGLE_RETRIEVERS
        }
        engine = _Engine(baseline(values, queries.kinds, self._ranking.retrieval), None, is_baseline=True)
        measured[REFUSED] = measured[ENGINE]
        measured[ENGINE] = self._measured(VALIDATION, engine)[ENGINE]
        return engine, decide_baseline(self._metrics(measured, engine), self._policy, refused)

    def _champion(
        self, items: ModalityBatch, queries: JudgedQueries, words: PinnedTable
    ) -> tuple[Rankings | None, pl.DataFrame | None, str | None]:
        """The champion's rankings now, or the stored values of its evaluation; and why not the first."""
        champion = self._champion_manifest
        if champion is None:
            return None, None, None
        note = why_not_again(self._workspace, champion, self._inputs.modalities)
        if note is None:
            return (
                rankings(self._workspace, champion, items, queries, words=words, products=self._kept),
                None,
                None,
            )
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
