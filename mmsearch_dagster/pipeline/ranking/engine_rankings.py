"""The answers of an engine to judged queries, ordered by the code that serves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, Rankings, ScoredRankings
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.serving.candidate_order import CandidateOrder
from mmsearch_dagster.serving.item_source import KeptItems
from mmsearch_dagster.serving.prepare_query import how_to_rank

if TYPE_CHECKING:
    import polars as pl

    from mmsearch_dagster.core.ranking.relevance.stage import RankingStage


def kept_items(products: "pl.DataFrame") -> KeptItems:
    """The words of a catalogue, taken apart when they are asked for."""
    from mmsearch_dagster.core.catalog import columns as c

    rows = {product: row for row, product in enumerate(products[c.PRODUCT_ID].to_list())}

    def read(product_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        wanted = products[[rows[product] for product in product_ids if product in rows]]
        return {row[c.PRODUCT_ID]: row for row in wanted.iter_rows(named=True)}

    return KeptItems(read)


def engine_rankings(
    lists: Mapping[str, ScoredRankings],
    queries: JudgedQueries,
    retrieval: RetrievalParams,
    stage: "RankingStage | None",
    *,
    items: KeptItems,
) -> Rankings:
    """What the engine answers.

    Args:
        lists: retriever -> what it finds for each query.
        queries: the same queries.
        retrieval: weights and orders by kind.
        stage: where an order is learned.
        items: the catalogue's words.

    Returns:
        Query id -> product ids, best first.
    """
    order = CandidateOrder(retrieval.rrf_k, stage)
    rankings: Rankings = {}
    for key, text in zip(queries.batch.ids, queries.texts, strict=True):
        kind = queries.kinds[key]
        how, weights = how_to_rank(kind, retrieval, queries.confidence.get(key, 1.0))
        query = PreparedQuery(text=text, image=None, kind=kind, weights=weights, order=how)
        retrieved = {name: entries[key] for name, entries in lists.items() if weights.get(name, 0.0) > 0.0}
        ranked = [product for product, _ in order.order(query, retrieved, items)]
        understood = queries.understood.get(key)
        named = understood.product_ids if understood else ()
        rankings[key] = list(dict.fromkeys((*named, *ranked)))
    return rankings
