"""Judged queries answered and ordered in memory by the code that serves, for trials and evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, Rankings, ScoredRankings
from mmsearch_dagster.core.ranking.features import RankedQuery
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.rank_fusion import LEARNED
from mmsearch_dagster.core.understanding.reading import COLUMNS
from mmsearch_dagster.core.understanding.understood import Understood
from mmsearch_dagster.core.understanding.values import CatalogueValues, values_of
from mmsearch_dagster.serving.candidate_order import CandidateOrder
from mmsearch_dagster.serving.item_source import KeptItems
from mmsearch_dagster.serving.prepare_query import how_to_rank

if TYPE_CHECKING:
    import polars as pl

    from mmsearch_dagster.core.ranking.rankers.stage import RankingStage


@dataclass(frozen=True)
class CatalogueWords:
    """What a ranking reads of a catalogue.

    items: its products' words. values: its brands, colours and so on.
    """

    items: KeptItems
    values: CatalogueValues

    @classmethod
    def of(cls, products: "pl.DataFrame") -> "CatalogueWords":
        """From rows of the contract."""
        columns = [name for name in COLUMNS if name in products.columns]
        return cls(_kept_items(products), values_of(products.select(columns).iter_rows(named=True)))

    def understood(self, text: str | None) -> Understood | None:
        """What words that are prepared already prefer."""
        if text is None:
            return None
        return Understood(text, text, parts=tuple(reading.part for reading in self.values.read(text)))

    def ranked_query(self, text: str | None) -> RankedQuery:
        """These words as the ranker reads them."""
        understood = self.understood(text)
        return RankedQuery.of(text, understood.parts if understood else ())


def _kept_items(products: "pl.DataFrame") -> KeptItems:
    """The words of a catalogue, taken apart when they are asked for."""
    from mmsearch_dagster.core.catalog import columns as col

    rows = {product: row for row, product in enumerate(products[col.PRODUCT_ID].to_list())}

    def read(product_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        wanted = products[[rows[product] for product in product_ids if product in rows]]
        return {row[col.PRODUCT_ID]: row for row in wanted.iter_rows(named=True)}

    return KeptItems(read)


def engine_rankings(
    lists: Mapping[str, ScoredRankings],
    queries: JudgedQueries,
    retrieval: RetrievalParams,
    stage: "RankingStage | None",
    *,
    words: CatalogueWords,
) -> Rankings:
    """What the engine answers.

    Args:
        lists: retriever -> what it finds for each query.
        queries: the same queries.
        retrieval: weights and orders by kind.
        stage: where an order is learned.
        words: of the catalogue.

    Returns:
        Query id -> product ids, best first.
    """
    order = CandidateOrder(retrieval.rrf_k, stage)
    rankings: Rankings = {}
    for key, text in zip(queries.batch.ids, queries.texts, strict=True):
        kind = queries.kinds[key]
        how, weights = how_to_rank(kind, retrieval, queries.confidence.get(key, 1.0))
        read = queries.understood.get(key)
        if read is None and how == LEARNED:
            read = words.understood(text)
        query = PreparedQuery(text=text, image=None, kind=kind, weights=weights, order=how, understood=read)
        retrieved = {name: entries[key] for name, entries in lists.items() if weights.get(name, 0.0) > 0.0}
        ranked = [product for product, _ in order.order(query, retrieved, words.items)]
        named = read.product_ids if read else ()
        rankings[key] = list(dict.fromkeys((*named, *ranked)))
    return rankings
