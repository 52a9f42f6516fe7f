"""The order of the candidates of one query."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.features import COLUMN, FEATURES
from mmsearch_dagster.core.ranking.items import ItemTerms, item_terms
from mmsearch_dagster.core.ranking.rankers.linear import LinearRanker
from mmsearch_dagster.core.ranking.rankers.stage import RankingStage
from mmsearch_dagster.core.ranking.statistics import statistics_of
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.rank_fusion import BY_RANKS, BY_SCORES, LEARNED
from mmsearch_dagster.core.understanding.understood import PREFER, QueryPart, Understood
from mmsearch_dagster.serving.candidate_order import RANKED_DEPTH, CandidateOrder, ranked_query
from mmsearch_dagster.serving.item_source import KeptItems
from mmsearch_dagster.serving.prepare_query import how_to_rank

ROWS = {f"p{number}": {"title": f"lamp {number}", "price": float(number)} for number in range(300)}
LISTS = {
    "lexical": [(f"p{number}", 300.0 - number) for number in range(200)],
    "text": [(f"p{number}", 1.0 - number / 1000) for number in range(100, 300)],
}


class Rows:
    """Counts what is read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, product_ids: Sequence[str]) -> Mapping[str, Mapping[str, object]]:
        self.read += product_ids
        return {product: ROWS[product] for product in product_ids if product in ROWS}


def cheapest_last() -> RankingStage:
    """A ranker that looks at the price alone."""
    weights = np.zeros(len(FEATURES))
    weights[COLUMN["log_price"]] = 1.0
    items: list[ItemTerms] = [item_terms(row) for row in ROWS.values()]
    ranker = LinearRanker(weights, np.zeros(len(FEATURES)), np.ones(len(FEATURES)))
    return RankingStage("linear", ranker, statistics_of(items))


def query(order: str) -> PreparedQuery:
    return PreparedQuery("lamp", None, "words", {"lexical": 1.0, "text": 1.0}, order)


def test_by_ranks_two_lists_that_agree_win() -> None:
    ordered = CandidateOrder(60, None).order(query(BY_RANKS), LISTS, KeptItems(Rows()))
    assert ordered[0][0] == "p100"
    assert len(ordered) == 300


def test_by_scores_the_distance_counts() -> None:
    ordered = CandidateOrder(60, None).order(query(BY_SCORES), LISTS, KeptItems(Rows()))
    assert ordered[0][0] == "p100"
    assert ordered[1][0] == "p101"


def test_by_scores_what_the_query_prefers_has_a_share() -> None:
    rows = {
        "blue": {"title": "shirt", "attributes": [{"key": "color", "value": "Blue"}]},
        "red": {"title": "shirt", "attributes": [{"key": "color", "value": "Red"}]},
        "any": {"title": "shirt"},
    }
    items = KeptItems(lambda ids: {product: rows[product] for product in ids})
    lists = {"lexical": [("blue", 1.02), ("any", 1.01), ("red", 1.0)]}
    plain = PreparedQuery("red shirt", None, "words", {"lexical": 1.0}, BY_SCORES)
    parts = (QueryPart("colour", "red", "red", PREFER),)
    wished = replace(plain, understood=Understood("red shirt", "red shirt", parts=parts))
    order = CandidateOrder(60, None)

    assert [product for product, _ in order.order(plain, lists, items)] == ["blue", "any", "red"]
    assert [product for product, _ in order.order(wished, lists, items)] == ["red", "any", "blue"]
    assert all(0.0 <= score <= 1.0 for _, score in order.order(wished, lists, items))

    photo = {"image": [("blue", 0.9), ("any", 0.8), ("red", 0.7)]}
    beside = replace(wished, weights={"lexical": 1.0, "image": 1.0})
    assert [product for product, _ in order.order(beside, {**lists, **photo}, items)] == [
        "blue",
        "any",
        "red",
    ]


def test_a_learned_order_reads_the_top_of_each_list_and_the_rest_follows() -> None:
    ordered = CandidateOrder(60, cheapest_last()).order(query(LEARNED), LISTS, KeptItems(Rows()))
    ids = [product for product, _ in ordered]
    assert ids[:3] == ["p199", "p198", "p197"]
    assert set(ids[: 2 * RANKED_DEPTH]) == {f"p{number}" for number in range(200)}
    assert len(ids) == len(set(ids)) == 300
    scores = [score for _, score in ordered]
    assert scores == sorted(scores, reverse=True)


def test_the_words_of_a_product_are_read_once() -> None:
    rows = Rows()
    items, order = KeptItems(rows), CandidateOrder(60, cheapest_last())
    first = order.order(query(LEARNED), LISTS, items)
    assert order.order(query(LEARNED), LISTS, items) == first
    assert len(rows.read) == len(set(rows.read)) == 2 * RANKED_DEPTH


@pytest.mark.parametrize("order", [BY_RANKS, BY_SCORES, LEARNED])
def test_without_candidates_there_is_no_answer(order: str, tmp_path: Path) -> None:
    assert CandidateOrder(60, cheapest_last()).order(query(order), {"lexical": []}, KeptItems(Rows())) == []


def test_a_request_that_weighs_retrievers_is_ordered_as_it_says() -> None:
    retrieval = RetrievalParams(orders={"words": LEARNED}, weights={"words": {"lexical": 0.5}})
    assert how_to_rank("words", retrieval, 1.0)[0] == LEARNED
    assert how_to_rank("words", retrieval, 1.0, {"text": 2.0}) == (
        BY_RANKS,
        {"vector": 1.0, "lexical": 0.5, "text": 2.0},
    )


def test_what_a_request_leaves_out_the_learned_order_does_not_read() -> None:
    retrieval = RetrievalParams(orders={"words": LEARNED})
    order, weights = how_to_rank("words", retrieval, 1.0, {"vector": 0.0})
    assert order == LEARNED
    assert weights == {"lexical": 1.0, "vector": 0.0, "text": 1.0, "image": 1.0}


def test_words_in_a_script_of_their_own_are_not_ordered_by_what_was_learned_from_others() -> None:
    retrieval = RetrievalParams(orders={"words": LEARNED})
    assert how_to_rank("words[zh]", retrieval, 1.0)[0] == BY_RANKS
    assert how_to_rank("voice", retrieval, 1.0)[0] == LEARNED


def test_what_the_words_were_understood_to_prefer_reaches_the_ranker_until_it_is_undone() -> None:
    part = QueryPart("colour", "red", "red", PREFER)
    understood = Understood("red lamp", "red lamp", parts=(part,))

    read = ranked_query(replace(query(LEARNED), understood=understood))

    assert read.preferred == {"colour": {"red"}}
    assert ranked_query(query(LEARNED)).preferred == {}


def test_what_the_ranker_reads_can_be_had_where_it_orders() -> None:
    order, items = CandidateOrder(60, cheapest_last()), KeptItems(Rows())

    ranked = order.ranked(query(LEARNED), LISTS, items)

    assert ranked is not None
    assert set(ranked.ids) == {product for product, _ in order.order(query(LEARNED), LISTS, items)[:200]}
    assert order.ranked(query(BY_SCORES), LISTS, items) is None


def test_what_lies_deeper_is_left_out_where_what_was_ranked_is_enough() -> None:
    order, items = CandidateOrder(60, cheapest_last()), KeptItems(Rows())
    whole = order.order(query(LEARNED), LISTS, items)

    assert order.order(query(LEARNED), LISTS, items, lambda ranked: len(ranked) >= 200) == whole[:200]
    assert order.order(query(LEARNED), LISTS, items, lambda ranked: len(ranked) >= 201) == whole


class LikesLateOnes:
    """A person who likes high numbers, of whose view on p2 nothing is known."""

    def scores(self, query: PreparedQuery, product_ids: Sequence[str]) -> NDArray[np.float64]:
        return np.array(
            [np.nan if product == "p2" else float(product in ("p3", "p4")) for product in product_ids]
        )


def test_a_known_person_gets_their_own_order_and_what_nothing_is_known_of_comes_last() -> None:
    ranked = [(f"p{number}", 9.0 - number) for number in range(5)]
    query = PreparedQuery("lamp", None, "words", person=LikesLateOnes())

    found = CandidateOrder.for_person(query, ranked)

    assert found == [("p3", 1.0), ("p4", 1.0), ("p0", 0.0), ("p1", 0.0), ("p2", 7.0)]
    assert CandidateOrder.for_person(query, []) == []


def test_without_a_person_the_order_is_that_for_everybody() -> None:
    ranked = [("p1", 0.25), ("p0", 0.5)]

    assert CandidateOrder.for_person(PreparedQuery("lamp", None, "words"), ranked) == ranked
