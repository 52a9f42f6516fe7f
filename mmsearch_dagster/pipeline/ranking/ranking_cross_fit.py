"""`mmsearch bench ranking`: rankers cross-fitted on a shop's judged queries, beside stemmed BM25."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake.lineage import lineage_of
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import PolicyError
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch
from mmsearch_dagster.core.ranking.comparison import EngineFigures, compare_rankers
from mmsearch_dagster.core.ranking.features import RankedCandidates, RankerInput, feature_rows
from mmsearch_dagster.core.ranking.item_table import ItemTable
from mmsearch_dagster.core.ranking.lexical import StemmedBm25
from mmsearch_dagster.core.ranking.rankers.stage import TRAINERS
from mmsearch_dagster.core.ranking.statistics import TermStatistics, statistics_of
from mmsearch_dagster.core.ranking.training_set import TrainingSet
from mmsearch_dagster.core.retrieval.nearest import ProductVectors
from mmsearch_dagster.core.retrieval.score_fusion import ScoredList
from mmsearch_dagster.core.text.terms import read_terms
from mmsearch_dagster.pipeline.ranking.order_trial import with_words
from mmsearch_dagster.pipeline.retrieval.engine_rankings import CatalogueWords
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.queries import DEV, TRAIN, VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace

# Candidates taken from each retriever.
DEPTH = 100
_FEWEST_QUERIES = 20
# The shop's test queries choose nothing, here neither.
_SPLITS = (TRAIN, DEV, VALIDATION)


@dataclass(frozen=True)
class JudgedCandidates:
    """The judged queries with words of a home's current examples, and what untrained retrievers bring.

    training: features and grades of the candidates. texts, grades: by query id. baseline: query id ->
    products of stemmed BM25, best first.
    """

    training: TrainingSet
    texts: Mapping[str, str | None]
    grades: Mapping[str, Mapping[str, int]]
    baseline: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, workspace: Workspace) -> "JudgedCandidates":
        """Only stemmed BM25 and each encoder's own vectors bring candidates.

        A fused vector has seen the training queries, and a ranker would trust it too much.

        Raises:
            PolicyError: where there are too few judged queries with words.
        """
        source = workspace.lake.current(examples.ASSET)
        products = lineage_of(workspace.lake, [source])["products"].table()
        catalogue = _Catalogue.of(products, examples.load_views(source))
        candidates: dict[str, RankedCandidates] = {}
        texts: dict[str, str | None] = {}
        grades: dict[str, Mapping[str, int]] = {}
        baseline: dict[str, Sequence[str]] = {}
        for queries in _judged_sets(workspace):
            for row, query_id in with_words(queries):
                text = queries.texts[row]
                lists = catalogue.lists(text, queries.batch.take([row]))
                candidates[query_id] = catalogue.features(text, lists)
                texts[query_id], grades[query_id] = text, queries.grades[query_id]
                baseline[query_id] = [product for product, _ in lists["lexical"]]
        if len(candidates) < _FEWEST_QUERIES:
            raise PolicyError(
                f"a ranking is tried on at least {_FEWEST_QUERIES} judged queries with words, there are "
                f"{len(candidates)}: add judgments to the source"
            )
        return cls(TrainingSet.of(candidates, grades), texts, grades, baseline)


def cross_fit_ranking(workspace: Workspace, *, folds: int, seed: int) -> list[EngineFigures]:
    """Cross-fitted figures over all judged queries with words of the current examples.

    Raises:
        PolicyError: where there are too few judged queries with words.
    """
    judged = JudgedCandidates.of(workspace)
    return compare_rankers(
        judged.training,
        judged.texts,
        judged.grades,
        baseline=judged.baseline,
        trainers=TRAINERS,
        folds=folds,
        seed=seed,
    )


def _judged_sets(workspace: Workspace) -> list[JudgedQueries]:
    from mmsearch_dagster.adapters.lake.batches import load_queries

    folder = workspace.lake.current(examples.ASSET).folder
    return [load_queries(folder, name) for name in _SPLITS]


@dataclass(frozen=True)
class _Catalogue:
    """Everything that a query is compared with."""

    catalogue: CatalogueWords
    items: ItemTable
    statistics: TermStatistics
    words: StemmedBm25
    vectors: Mapping[str, ProductVectors]

    @classmethod
    def of(cls, products: pl.DataFrame, views: ModalityBatch) -> "_Catalogue":
        catalogue = CatalogueWords.of(products)
        items = catalogue.items.of(products[col.PRODUCT_ID].to_list())
        vectors = {
            name: ProductVectors.of(views.ids, views.vectors[name] * views.present[name][:, None])
            for name in (TEXT, IMAGE)
            if name in views.vectors
        }
        return cls(catalogue, items, statistics_of(items.values()), StemmedBm25.of(items), vectors)

    def lists(self, text: str | None, batch: ModalityBatch) -> dict[str, ScoredList]:
        """Retriever -> its best products. batch: the query's own vectors, one row."""
        lists: dict[str, ScoredList] = {"lexical": self.words.search(read_terms(text), DEPTH)}
        for name, vectors in self.vectors.items():
            if name in batch.vectors and bool(np.all(batch.present[name])):
                lists[name] = next(iter(vectors.nearest(batch.vectors[name], DEPTH)))
        return lists

    def features(self, text: str | None, lists: Mapping[str, ScoredList]) -> RankedCandidates:
        """The candidates with their features."""
        given = RankerInput.of(lists, self.items)
        return feature_rows(self.catalogue.ranked_query(text), given, self.statistics)
