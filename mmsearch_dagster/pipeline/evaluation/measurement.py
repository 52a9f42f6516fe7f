"""One evaluation: everything that answers is measured on the same queries, then the gate decides."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.adapters.lake.lineage import lineage_of
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.evaluation.comparison import (
    CHAMPION,
    ENGINE,
    REFUSED,
    CrossFitted,
    all_values,
    evaluation_metrics,
    measure,
    winners_without,
)
from mmsearch_dagster.core.evaluation.judged_queries import (
    SINGLE_RETRIEVERS,
    JudgedQueries,
    Rankings,
    RetrieverLists,
    ScoredRankings,
    of_products,
    rankings_of,
    score,
)
from mmsearch_dagster.core.evaluation.quality_table import ALL, quality_table
from mmsearch_dagster.core.evaluation.sample_queries import SampleQuery, sample_queries
from mmsearch_dagster.core.fusion.config import Strategy
from mmsearch_dagster.core.gate.decision import Decision, EvaluationMetrics
from mmsearch_dagster.core.gate.group_exposure import exposure_by_attribute
from mmsearch_dagster.core.gate.policy import GatePolicy
from mmsearch_dagster.core.gate.product_groups import groups_of_products
from mmsearch_dagster.core.gate.query_slices import slices_of
from mmsearch_dagster.core.gate.rules import decide, decide_baseline
from mmsearch_dagster.core.metrics.ranking import by_query
from mmsearch_dagster.core.modalities import ModalityBatch
from mmsearch_dagster.core.ranking.baseline import baseline
from mmsearch_dagster.core.ranking.rankers.stage import RANKING_FOLDER, load_stage
from mmsearch_dagster.core.release import RankingPin, ReleaseManifest, RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import (
    BY_RANKS,
    VECTOR_RETRIEVER,
    order_of_kind,
    retriever_weights,
)
from mmsearch_dagster.core.retrieval.variant_groups import VariantGroups
from mmsearch_dagster.pipeline.evaluation.champion import rankings, stored_values, why_not_again
from mmsearch_dagster.pipeline.evaluation.files import (
    ANSWERS,
    BARS,
    BY_PROVENANCE,
    DECISION,
    GATE_INPUTS,
    PER_QUERY,
    QUALITY,
    SAMPLES,
    TESTED,
    EvaluationFacts,
)
from mmsearch_dagster.pipeline.evaluation.validation import ValidationQueries
from mmsearch_dagster.pipeline.memories import photo_memory
from mmsearch_dagster.pipeline.memories.photo_memory import MeasuredPhotos
from mmsearch_dagster.pipeline.memories.query_memory import measured_memory
from mmsearch_dagster.pipeline.ranking import train_ranking
from mmsearch_dagster.pipeline.retrieval.engine_rankings import CatalogueWords, engine_rankings
from mmsearch_dagster.pipeline.retrieval.retrieve import retriever_lists, words_table
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.candidates import CandidateFacts, candidates_of
from mmsearch_dagster.pipeline.training.queries import TEST, TRAIN, VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.fusion.model import TwoTower
    from mmsearch_dagster.core.ranking.rankers.stage import RankingStage


# Retriever -> what it finds for each query.
_KEPT_ANSWERS = 10
_Lists = Mapping[str, ScoredRankings]


@dataclass(frozen=True)
class EvaluationInputs:
    """The snapshots that an evaluation reads, all of one lineage."""

    examples: Snapshot
    products: Snapshot
    candidates: dict[Strategy, Snapshot]
    ranking: Snapshot
    photos: Snapshot
    modalities: tuple[str, ...]
    interactions: Snapshot | None = None

    @classmethod
    def current(cls, workspace: Workspace) -> "EvaluationInputs":
        """Raises LineageError where the candidates were not trained on the current examples."""
        candidates = candidates_of(workspace)
        source = workspace.lake.current(examples.ASSET)
        ranking = workspace.lake.current(train_ranking.ASSET)
        lineage = lineage_of(workspace.lake, [source, *candidates.values(), ranking])
        modalities = tuple(examples.modalities_of(lineage))
        photos = lineage[photo_memory.ASSET]
        log = lineage.snapshots.get("interactions")
        return cls(source, lineage["products"], candidates, ranking, photos, modalities, log)


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


@dataclass(frozen=True)
class Evaluation:
    """One evaluation, its inputs loaded once.

    groups: which products are variants of one; queries and rankings are of products.
    reigning: the released engine, None before the first release. stage: the learned ranker of the challenger.
    items: a row per picture. words: the catalogue's, taken apart. table: for full-text search.
    """

    workspace: Workspace
    inputs: EvaluationInputs
    reigning: ReleaseManifest | None
    ranking: train_ranking.RankingFacts
    stage: "RankingStage | None"
    items: ModalityBatch
    words: CatalogueWords
    groups: VariantGroups
    table: PinnedTable
    validation: ValidationQueries
    test: JudgedQueries
    models: "Mapping[Strategy, TwoTower]"

    @classmethod
    def load(
        cls, workspace: Workspace, inputs: EvaluationInputs, reigning: ReleaseManifest | None
    ) -> "Evaluation":
        """Reads what is measured."""
        from mmsearch_dagster.adapters.lake.batches import load_queries
        from mmsearch_dagster.core.fusion.model import load_model

        ranking, folder = train_ranking.RankingFacts.of(inputs.ranking), inputs.examples.folder
        groups = VariantGroups.of(inputs.products.table().iter_rows(named=True))
        validation, test = (load_queries(folder, name).by_product(groups) for name in (VALIDATION, TEST))
        return cls(
            workspace,
            inputs,
            reigning,
            ranking,
            stage=load_stage(inputs.ranking.folder / RANKING_FOLDER) if ranking.pin else None,
            items=examples.load_views(inputs.examples),
            words=CatalogueWords.of(inputs.products.table()),
            groups=groups,
            table=words_table(workspace, inputs.products),
            validation=ValidationQueries.of(validation, workspace.gate_policy),
            test=test,
            models={name: load_model(snapshot.folder) for name, snapshot in inputs.candidates.items()},
        )

    @property
    def _policy(self) -> GatePolicy:
        return self.workspace.gate_policy

    def write(self, folder: Path, inputs_digest: str) -> EvaluationFacts:
        """Measure, decide, store."""
        policy, queries = self._policy, self.validation.deciding
        engine = _Engine(self.ranking.retrieval, self.ranking.pin)
        lists = self._deciding_lists()
        measured = self._measured(lists, queries, engine)
        champion, past, note = self._champion(self.items, queries, self.table)
        if champion is not None:
            measured[CHAMPION] = champion
        remembered = None if past is None else by_query(past, policy.metric)
        metrics = self._metrics(measured, engine, note, remembered)
        (folder / GATE_INPUTS).write_text(metrics.model_dump_json(), encoding="utf-8")
        (folder / SAMPLES).write_bytes(self._samples(measured, metrics))
        answers = {key: list(products[:_KEPT_ANSWERS]) for key, products in measured[ENGINE].items()}
        (folder / ANSWERS).write_text(json.dumps(answers), encoding="utf-8")
        decision = decide(metrics, policy)
        if not decision.passed and self.reigning is None:
            engine, decision = self._baseline(lists, measured, decision)
        (folder / DECISION).write_text(decision.to_json(), encoding="utf-8")
        values = all_values(measured, queries, policy.metric)
        self._tables(
            values if past is None else pl.concat([values, past.select(values.columns)]), engine, folder
        )
        engine_values = score(measured[ENGINE], queries.grades, policy.metric)
        return EvaluationFacts(
            rows=len(queries.batch),
            winner=self.ranking.winner,
            passed=decision.passed,
            retrieval=engine.retrieval,
            ranking=engine.pin,
            baseline=engine.is_baseline,
            provenance=self.validation.provenance,
            metric=policy.metric,
            engine=round(float(np.mean(list(engine_values.values()) or [np.nan])), 4),
            inputs_digest=inputs_digest,
        )

    def _tables(self, values: pl.DataFrame, engine: "_Engine", folder: Path) -> None:
        """What people read. values: of the queries that decided."""
        policy = self._policy

        def measure_others(queries: JudgedQueries) -> pl.DataFrame:
            return all_values(self._measured(self._lists(queries), queries, engine), queries, policy.metric)

        values.write_parquet(folder / PER_QUERY)
        self.validation.table(values, measure_others, policy).write_parquet(folder / BY_PROVENANCE)
        table = quality_table(values, policy)
        table.write_parquet(folder / QUALITY)
        (folder / BARS).write_bytes(quality_bars(table, policy.metric))
        if len(self.test.batch):
            quality_table(measure_others(self.test), policy).write_parquet(folder / TESTED)

    @cached_property
    def _retrievers(self) -> RetrieverLists:
        photos = MeasuredPhotos.of(self.inputs.photos, self.inputs.photos)
        return retriever_lists(self.table, self.items, photos, measured_memory(self.inputs.ranking))

    def _lists(self, queries: JudgedQueries) -> _Lists:
        """What each retriever of the winner finds."""
        return self._retrievers(self.models[self.ranking.winner], queries)

    def _deciding_lists(self) -> _Lists:
        """The same for the queries that decide; where the others among them choose another strategy than the
        winner, its fused vector answers: no query is measured with what it helped to choose."""
        queries, lists = self.validation.deciding, self._lists(self.validation.deciding)
        winner_of = winners_without(self.models, self.items, queries)
        fused = dict(lists[VECTOR_RETRIEVER])
        for name in set(winner_of.values()) - {self.ranking.winner}:
            part = queries.take([row for row, key in enumerate(queries.batch.ids) if winner_of[key] == name])
            fused |= self._retrievers(self.models[name], part)[VECTOR_RETRIEVER]
        return {**lists, VECTOR_RETRIEVER: fused}

    def _measured(self, lists: _Lists, queries: JudgedQueries, engine: "_Engine") -> dict[str, Rankings]:
        """Every ranking of some queries."""
        every = measure(self.models, self.items, rankings_of(lists), queries)
        measured = {name: of_products(rankings, self.groups) for name, rankings in every.items()}
        measured[ENGINE] = self._ordered(lists, queries, engine)
        return measured

    def _ordered(self, lists: _Lists, queries: JudgedQueries, engine: "_Engine") -> Rankings:
        stage = self.stage if engine.pin else None
        answers = engine_rankings(lists, queries, engine.retrieval, stage, words=self.words)
        return of_products(answers, self.groups)

    def _metrics(
        self,
        measured: Mapping[str, Rankings],
        engine: "_Engine",
        note: str | None = None,
        remembered: Mapping[str, float] | None = None,
    ) -> EvaluationMetrics:
        queries = self.validation.deciding
        return evaluation_metrics(
            measured,
            queries,
            self._policy.metric,
            weights=CandidateFacts.of(self.inputs.candidates[self.ranking.winner]).weights,
            note=note,
            provenance=self.validation.provenance,
            counts=self.validation.counts,
            remembered=remembered,
            cross_fitted=CrossFitted() if engine.is_baseline else self._cross_fitted(),
            fused_kinds=engine.fused_kinds(queries.kinds.values()),
            slices=self._slices(),
            exposure=exposure_by_attribute(
                measured[ENGINE],
                measured.get(CHAMPION),
                queries.grades,
                groups_of_products(self._products, self._touched),
            ),
        )

    def _samples(self, measured: Mapping[str, Rankings], metrics: EvaluationMetrics) -> bytes:
        """Queries for a reviewer, JSON."""
        queries, champion = self.validation.deciding, metrics.champion or {}
        texts = dict(zip(queries.batch.ids, queries.texts, strict=True))
        differences = {key: metrics.engine[key] - value for key, value in champion.items()}
        samples = sample_queries(measured[ENGINE], measured.get(CHAMPION), differences, texts)
        return TypeAdapter(list[SampleQuery]).dump_json(samples)

    def _slices(self) -> dict[str, tuple[str, ...]]:
        """Parts of the validation queries that must not pay for the others."""
        queries = self.validation.deciding
        texts = dict(zip(queries.batch.ids, queries.texts, strict=True))
        return slices_of(texts, queries.grades, self._products, self._touched)

    @cached_property
    def _products(self) -> pl.DataFrame:
        """The catalogue, a row per product: of variants the first."""
        key = pl.col(col.PRODUCT_ID).map_elements(self.groups.key, return_dtype=pl.String)
        return self.inputs.products.table().with_columns(key).unique(col.PRODUCT_ID, keep="first")

    @cached_property
    def _touched(self) -> pl.Series | None:
        """A product for each interaction of the log, None where there is none."""
        log = self.inputs.interactions
        if log is None or col.PRODUCT_ID not in log.table().columns:
            return None
        return log.table()[col.PRODUCT_ID].map_elements(self.groups.key, return_dtype=pl.String)

    def _cross_fitted(self) -> CrossFitted:
        """What the chosen orders answer to training queries they did not learn from, by the tables' names."""
        from mmsearch_dagster.adapters.lake.batches import load_queries

        file = self.inputs.ranking.folder / train_ranking.CROSS_FITTED
        if not file.exists():
            return CrossFitted()
        answers, train = pl.read_parquet(file), load_queries(self.inputs.examples.folder, TRAIN)
        train = train.of_provenance(self.validation.provenance).by_product(self.groups)
        answers = answers.filter(pl.col("query_id").is_in(train.batch.ids))
        ids = set(answers["query_id"].to_list())
        rankings: dict[str, Rankings] = {}
        for key, name, products in answers.iter_rows():
            rankings.setdefault(name, {})[key] = self.groups.ranking(products)
        return CrossFitted(
            rankings,
            {key: kind for key, kind in train.kinds.items() if key in ids},
            {key: grades for key, grades in train.grades.items() if key in ids},
        )

    def _baseline(
        self, lists: _Lists, measured: dict[str, Rankings], refused: Decision
    ) -> "tuple[_Engine, Decision]":
        """The best single retriever of each kind instead of the refused challenger; `measured` names it."""
        queries, metric = self.validation.deciding, self._policy.metric
        values = {
            name: score(rankings, queries.grades, metric)
            for name, rankings in measured.items()
            if name in SINGLE_RETRIEVERS
        }
        engine = _Engine(baseline(values, queries.kinds, self.ranking.retrieval), None, is_baseline=True)
        measured[REFUSED] = measured[ENGINE]
        measured[ENGINE] = self._ordered(lists, queries, engine)
        return engine, decide_baseline(self._metrics(measured, engine), self._policy, refused)

    def _champion(
        self, items: ModalityBatch, queries: JudgedQueries, words: PinnedTable
    ) -> tuple[Rankings | None, pl.DataFrame | None, str | None]:
        """The champion's rankings now, or the stored values of its evaluation; and why not the first."""
        champion = self.reigning
        if champion is None:
            return None, None, None
        note = why_not_again(self.workspace, champion, self.inputs.modalities)
        if note is None:
            now = rankings(
                self.workspace,
                champion,
                items,
                queries,
                words=words,
                products=self.words,
                looks=self.inputs.photos,
            )
            return of_products(now, self.groups), None, None
        return None, stored_values(self.workspace, champion, queries, self.groups), note


def quality_bars(table: pl.DataFrame, metric: str) -> bytes:
    """The retrievers side by side over all queries, with intervals."""
    from mmsearch_dagster.adapters.reports.charts import Bar, metric_bars

    rows = table.filter(pl.col("kind") == ALL)
    bars = [
        Bar(row["branch"], row[metric], row["low"], row["high"], highlight=row["branch"] == ENGINE)
        for row in rows.iter_rows(named=True)
    ]
    return metric_bars(bars, title=f"{metric} on validation queries", metric=metric)
