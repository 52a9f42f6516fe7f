"""The step `ranking`: the order of results, learned on queries that the measured engine did not see.

Everything here happens on the training queries; the validation queries stay for the gate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.lake.lineage import lineage_of
from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.evaluation.comparison import DEPTH, ENGINE, choose_winner
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, ScoredRankings, rankings_of
from mmsearch_dagster.core.fusion.config import Strategy
from mmsearch_dagster.core.memories.query_trial import MemoryTrial, try_memory, with_query_memory
from mmsearch_dagster.core.ranking.baseline import RETRIEVER_OF
from mmsearch_dagster.core.ranking.choose_order import FEWEST, untried, with_choices
from mmsearch_dagster.core.ranking.cross_fit import Trainer
from mmsearch_dagster.core.ranking.rankers.lambdamart import LambdaMartParams
from mmsearch_dagster.core.ranking.rankers.stage import RANKING_FOLDER, RankingStage, trainers
from mmsearch_dagster.core.ranking.statistics import TermStatistics, statistics_of
from mmsearch_dagster.core.ranking.training_set import TrainingSet
from mmsearch_dagster.core.ranking.tune_blend import choose_blend
from mmsearch_dagster.core.release import QueryMemoryPin, RankingPin, RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import (
    KINDS_WITH_WORDS,
    LEARNED,
    QUERY_MEMORY,
    VECTOR_RETRIEVER,
)
from mmsearch_dagster.pipeline.finetuning.text_encoder import learned_queries
from mmsearch_dagster.pipeline.memories import photo_memory
from mmsearch_dagster.pipeline.memories.photo_memory import CHOOSING_FILE, MeasuredPhotos
from mmsearch_dagster.pipeline.memories.query_memory import CameAgain, PastQueries
from mmsearch_dagster.pipeline.ranking.cross_fit_fusion import fused_lists
from mmsearch_dagster.pipeline.ranking.mlflow_run import log_ranking_run
from mmsearch_dagster.pipeline.ranking.order_trial import (
    CandidateLists,
    OrderTrial,
    choices_table,
    choose_without_words,
    rankable,
    try_orders,
)
from mmsearch_dagster.pipeline.ranking.ranker_search import searched_params
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.retrieval.engine_rankings import CatalogueWords, engine_rankings
from mmsearch_dagster.pipeline.retrieval.retrieve import allowed_products, retriever_lists, words_table
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.candidates import CandidateFacts, candidates_of
from mmsearch_dagster.pipeline.training.hyper_parameters import SearchFacts, used_search
from mmsearch_dagster.pipeline.training.queries import DEV, TRAIN, VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.serving.candidate_order import RANKED_DEPTH

ASSET = "ranking"
# What the chosen orders answer to training queries that they did not learn from.
CROSS_FITTED = "cross_fitted.parquet"
CHOICES = "choices.parquet"
CODE_VERSION = "10"


class RankingFacts(Facts):
    """What later steps read: the winning fusion, how candidates are ordered, the learned ranker.

    mlflow_run: with the figures of every order; None where too few queries were judged. lambdamart: how its
    trees are grown, where a search chose that. query_memory: None where none is shown to help; memory_note
    says what it is worth.
    """

    winner: Strategy
    retrieval: RetrievalParams
    pin: RankingPin | None
    mlflow_run: str | None = None
    lambdamart: LambdaMartParams | None = None
    query_memory: QueryMemoryPin | None = None
    memory_note: str = ""


def train_ranking(workspace: Workspace) -> StepReport:
    """Choose the winning fusion, the blend and the order per kind of query; train the ranker."""
    with timed(ASSET) as report:
        candidates = candidates_of(workspace)
        source = workspace.lake.current(examples.ASSET)
        photos = workspace.lake.current(photo_memory.ASSET)
        search = used_search(workspace, source)
        digest = digest_of(
            {
                "code": CODE_VERSION,
                "examples": source.digest,
                "candidates": {
                    name: CandidateFacts.of(snapshot).weights for name, snapshot in candidates.items()
                },
                "photos": photos.digest,
                "multilingual": workspace.multilingual,
                **({"search": search.digest} if search else {}),
                **({"learned": sorted(learned)} if (learned := learned_queries(workspace)) else {}),
            }
        )
        snapshot, made = workspace.lake.obtain(
            ASSET,
            digest,
            lambda folder: _Ranking.of(workspace, source, candidates, photos).write(folder).model_dump(),
            inputs=[source, *candidates.values(), photos],
        )
        report.about(snapshot, made)
        report.metrics["query memory"] = RankingFacts.of(snapshot).memory_note
        report.tables["order of candidates, by kind of query"] = pl.read_parquet(snapshot.folder / CHOICES)
    return report


def released_memory(snapshot: Snapshot, retrieval: RetrievalParams) -> QueryMemoryPin | None:
    """The query memory of a release; none where no kind of query gives it a weight.

    Args:
        snapshot: of this asset.
        retrieval: of the release.
    """
    used = any(weights.get(QUERY_MEMORY) for weights in retrieval.weights.values())
    return RankingFacts.of(snapshot).query_memory if used else None


@dataclass(frozen=True)
class _Ranking:
    """What the step reads, loaded once.

    train: the judged queries that the ranker learns from, without those that a fine-tuned text encoder has
    learned from: it gives them their answers. lists: what each retriever finds for `dev`.
    untrained: for `train`, without the fused vector. allowed: training query id -> the products that pass the
    filters in its words. with_memory: whether a photo memory answers photos; it has seen those of `train`, so
    their order is chosen on `dev` alone. past: queries with what people chose. again: those that came again,
    again_lists: what each retriever finds for them.
    """

    workspace: Workspace
    source: Snapshot
    products: pl.DataFrame
    train: JudgedQueries
    dev: JudgedQueries
    winner: Strategy
    lists: Mapping[str, ScoredRankings]
    untrained: Mapping[str, ScoredRankings]
    allowed: Mapping[str, frozenset[str]]
    with_memory: bool
    past: PastQueries
    again: CameAgain
    again_lists: Mapping[str, ScoredRankings]

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        source: Snapshot,
        candidates: Mapping[Strategy, Snapshot],
        photos: Snapshot,
    ) -> "_Ranking":
        from mmsearch_dagster.adapters.lake.batches import load_queries
        from mmsearch_dagster.core.fusion.model import TwoTower, load_model

        lineage = lineage_of(workspace.lake, [source, *candidates.values()])
        products = lineage["products"]
        items = examples.load_views(source)
        train, dev, validation = (load_queries(source.folder, name) for name in (TRAIN, DEV, VALIDATION))
        models: dict[Strategy, TwoTower] = {
            name: load_model(snapshot.folder) for name, snapshot in candidates.items()
        }
        winner = choose_winner(models, items, validation)
        memory = MeasuredPhotos.of(photos, photos, CHOOSING_FILE)
        rows = [row for row, _ in rankable(train, photos=memory is None)]
        learned = learned_queries(workspace)
        judged = train.take([row for row in rows if train.batch.ids[row] not in learned])
        words = words_table(workspace, products)
        past = PastQueries.of(workspace, lineage, train, dev)
        again = past.came_again(words.product_ids)
        return cls(
            workspace,
            source,
            products.table(),
            judged,
            dev,
            winner,
            lists=retriever_lists(words, items, memory)(models[winner], dev),
            untrained=retriever_lists(words, items)(None, judged),
            allowed=allowed_products(words, judged),
            with_memory=memory is not None,
            past=past,
            again=again,
            again_lists=retriever_lists(words, items)(models[winner], again.queries),
        )

    def write(self, folder: Path) -> RankingFacts:
        """Choose, train, store."""
        multilingual = self.workspace.multilingual
        dev_lists = rankings_of(self.lists)
        retrieval = choose_blend(dev_lists, self.dev, multilingual=multilingual)
        choices = choose_without_words(self.dev, dev_lists, retrieval) if self.with_memory else []
        pin, run, tree_params, stage, count = (
            None,
            None,
            None,
            None,
            len(self.train.batch) + len(rankable(self.dev, photos=not self.with_memory)),
        )
        if count >= FEWEST:
            candidates, training = self._training()
            tree_params = self._tree_params(candidates, training)
            ways = trainers(tree_params or LambdaMartParams())
            scored = candidates.by_scores(self._words)
            trial = try_orders(
                candidates, training, scored, retrieval.weights, rrf_k=retrieval.rrf_k, trainers=ways
            )
            choices += trial.choices
            stage = self._trained(trial, training, ways[trial.ranker])
            if stage is not None:
                pin = RankingPin(sha256=stage.save(folder / RANKING_FOLDER), strategy=stage.strategy)
            parent = self.workspace.tracking.refresh(self.source.digest)
            run = log_ranking_run(
                self.workspace.tracking, parent, candidates, trial, stage=stage, training=training
            )
            self._cross_fitted(trial).write_parquet(folder / CROSS_FITTED)
        choices_table(choices).write_parquet(folder / CHOICES)
        chosen = untried(with_choices(retrieval, choices), KINDS_WITH_WORDS)
        trial = self._memory_trial(chosen, stage)
        return RankingFacts(
            rows=count,
            winner=self.winner,
            retrieval=with_query_memory(chosen, trial.weight),
            pin=pin,
            mlflow_run=run,
            lambdamart=tree_params,
            query_memory=self.past.write(folder) if trial.weight else None,
            memory_note=trial.note,
        )

    def _memory_trial(self, retrieval: RetrievalParams, stage: RankingStage | None) -> MemoryTrial:
        """What the query memory adds to the chosen orders."""
        queries = self.again.queries
        ranked = engine_rankings(self.again_lists, queries, retrieval, stage, words=self._words)
        return try_memory(ranked, self.again.votes, queries.grades)

    def _tree_params(self, candidates: CandidateLists, training: TrainingSet) -> LambdaMartParams | None:
        """Those of a search of this run, or of the one that the released model came of; None without one."""
        search = used_search(self.workspace, self.source)
        if search is None:
            return None
        if SearchFacts.of(search).examples == self.source.digest:
            return searched_params(self.workspace, self.source, search, candidates, training)
        champion = self.workspace.registry.champion()
        released = champion and self.workspace.lake.find(ASSET, champion.snapshots.get(ASSET, "none"))
        return RankingFacts.of(released).lambdamart if released else None

    def _training(self) -> tuple[CandidateLists, TrainingSet]:
        texts = dict(zip(self.train.batch.ids, self.train.texts, strict=True))
        fused = fused_lists(
            self.workspace, self.source, self.winner, texts, allowed=self.allowed, depth=RANKED_DEPTH
        )
        candidates = CandidateLists.of(
            (self.train, {**self.untrained, VECTOR_RETRIEVER: fused}),
            (self.dev, self.lists),
            photos=not self.with_memory,
        )
        features = candidates.features(self._words, self._statistics)
        return candidates, TrainingSet.of(features, candidates.grades)

    @cached_property
    def _words(self) -> CatalogueWords:
        return CatalogueWords.of(self.products)

    @cached_property
    def _statistics(self) -> TermStatistics:
        return statistics_of(self._words.items.of(self.products[col.PRODUCT_ID].to_list()).values())

    def _trained(self, trial: OrderTrial, training: TrainingSet, train: Trainer) -> RankingStage | None:
        """The ranker, learned from all queries; None where no kind of query is ordered by it."""
        if not any(choice.order == LEARNED for choice in trial.choices):
            return None
        return RankingStage(trial.ranker, train(training), self._statistics)

    def _cross_fitted(self, trial: OrderTrial) -> pl.DataFrame:
        """What the chosen orders and each retriever answer to the training queries."""
        kinds = {key: self.train.kinds[key] for key in self.train.batch.ids}
        chosen = trial.chosen(kinds)
        named = {ENGINE: chosen} | {table: trial.rankings[name] for table, name in RETRIEVER_OF.items()}
        rows = [
            {"query_id": key, "branch": name, "products": rankings.get(key, [])[:DEPTH]}
            for name, rankings in named.items()
            for key in chosen
        ]
        schema = {"query_id": pl.String, "branch": pl.String, "products": pl.List(pl.String)}
        return pl.DataFrame(rows, schema=schema)
