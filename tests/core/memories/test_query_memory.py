"""What people chose after a query, for the next one with the same words."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.schemas import EVENTS, SEARCHES
from mmsearch_dagster.core.labels.log_queries import after_searches
from mmsearch_dagster.core.memories.query_fit import (
    joined,
    judged_votes,
    keyed,
    log_votes,
    texts_with_most_reactions,
)
from mmsearch_dagster.core.memories.query_lift import lifted
from mmsearch_dagster.core.memories.query_memory import QueryMemory, query_key
from mmsearch_dagster.core.memories.query_trial import WEIGHTS, MemoryTrial, try_memory, with_query_memory
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import QUERY_MEMORY, retriever_weights

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
MEMORY = QueryMemory.of({query_key("red kite"): {"k1": 0.2, "k2": 0.9}, query_key("flag"): {"f1": 0.5}})


@pytest.mark.parametrize("text", ["red kite", "kite red", "Red Kites", "the red kites"])
def test_order_number_case_and_small_words_make_no_other_query(text: str) -> None:
    assert MEMORY.votes_for(text) == [("k2", pytest.approx(0.9)), ("k1", pytest.approx(0.2))]


@pytest.mark.parametrize("text", ["red", "red kite 2 m", "no red kite", "kite without red", "", "???", None])
def test_other_words_find_nothing(text: str | None) -> None:
    assert MEMORY.votes_for(text) == []


def test_chinese_words_keep_their_order() -> None:
    memory = QueryMemory.of({query_key("红色运动鞋"): {"p": 1.0}})
    assert memory.votes_for("红色运动鞋") == [("p", 1.0)]
    assert memory.votes_for("鞋动运色红") == []


def test_the_file_holds_no_pickle_and_gives_the_memory_again() -> None:
    content = MEMORY.to_bytes()
    assert content == QueryMemory.from_bytes(content).to_bytes()
    assert QueryMemory.from_bytes(content).votes_for("flags") == MEMORY.votes_for("flag")
    with pytest.raises(ValueError, match=r"(?i)pickle|magic|zip"):
        QueryMemory.from_bytes(b"not a memory")


def test_an_empty_memory_is_a_memory() -> None:
    empty = QueryMemory.of({"": {"p": 1.0}, "kite": {"p": 0.0}})
    assert empty.keys == ()
    assert QueryMemory.from_bytes(empty.to_bytes()).votes_for("kite") == []


def log(*searches: tuple[str, dict[str, str]]) -> pl.DataFrame:
    """A page of three products per search; product -> what was done with it."""
    events = [
        {
            col.QUERY_ID: f"q{number}",
            col.USER_ID: f"u{number}",
            col.PRODUCT_ID: product,
            col.ACTION: action,
            col.POSITION: position,
            col.TIMESTAMP: BEGIN + timedelta(hours=number),
        }
        for number, (_, done) in enumerate(searches)
        for position, product in enumerate(("p1", "p2", "p3"))
        for action in ("impression", *([done[product]] if product in done else []))
    ]
    asked = [{col.QUERY_ID: f"q{number}", col.QUERY_TEXT: text} for number, (text, _) in enumerate(searches)]
    rows = after_searches(pl.DataFrame(asked, schema=SEARCHES), pl.DataFrame(events, schema=EVENTS))
    return keyed(rows, {text: text for text in rows["text"].unique().to_list()})


def test_what_is_bought_has_more_votes_than_what_is_clicked_and_the_rest_has_none() -> None:
    votes = log_votes(log(("red kite", {"p1": "click", "p2": "purchase"}), ("flag", {"p3": "click"})))
    assert votes.keys() == {query_key("red kite"), query_key("flag")}
    of_kite = votes[query_key("red kite")]
    assert of_kite.keys() == {"p1", "p2"}
    assert 0.0 < of_kite["p1"] < of_kite["p2"] < 1.0


def test_nearly_equal_searches_vote_together() -> None:
    once = log_votes(log(("red kite", {"p1": "click"})))
    twice = log_votes(log(("red kite", {"p1": "click"}), ("kites red", {"p1": "click"})))
    assert twice.keys() == once.keys()
    assert twice[query_key("red kite")]["p1"] > once[query_key("red kite")]["p1"]


def test_with_enough_pages_a_click_model_counts_the_looks_and_not_the_clicks_alone() -> None:
    pages = [
        ("red kite", {"p1": "click"} if number % 2 else {"p1": "click", "p3": "click"})
        for number in range(200)
    ]
    votes = log_votes(log(*pages))[query_key("red kite")]
    assert votes.keys() == {"p1", "p3"}
    assert all(0.0 < vote <= 1.0 for vote in votes.values())
    # Half as many clicks far below, where fewer look, say more than half as much.
    assert votes["p3"] > 0.5 * votes["p1"]


def test_searches_whose_words_are_not_known_to_retrievers_vote_for_nothing() -> None:
    rows = log(("red kite", {"p1": "click"}))
    assert keyed(rows.with_columns(text=pl.lit("red kite")), {}).is_empty()


def test_a_memory_is_made_of_the_searches_with_the_most_reactions() -> None:
    searches = [("flag", {}), ("kite", {"p1": "click"}), ("drum", {"p1": "click", "p2": "click"})]
    assert texts_with_most_reactions(log(*searches)) == ["drum", "kite"]
    assert texts_with_most_reactions(log(*searches), 1) == ["drum"]


def test_a_judged_product_has_as_many_votes_as_its_grade() -> None:
    votes = judged_votes([("red kite", {"p1": 3, "p2": 1}), ("kites, red", {"p2": 2})])
    assert votes == {query_key("red kite"): {"p1": 3.0, "p2": 2.0}}
    both = joined(votes, {query_key("red kite"): {"p1": 0.5, "p9": 0.1}})
    assert both[query_key("red kite")] == {"p1": 3.5, "p2": 2.0, "p9": 0.1}


def test_votes_raise_a_product_and_no_votes_change_nothing() -> None:
    ranked = [("a", 9.0), ("b", 8.0), ("c", 7.0)]
    assert lifted(ranked, [], 1.0) is ranked
    assert lifted(ranked, [("c", 1.0)], 0.0) is ranked
    assert [product for product, _ in lifted(ranked, [("c", 0.6), ("new", 0.1)], 1.0)] == [
        "c",
        "a",
        "b",
        "new",
    ]


def trial_of(count: int, *, votes_are_right: bool) -> MemoryTrial:
    ids = [f"q{number}" for number in range(count)]
    rng = np.random.default_rng(7)
    products = {key: [f"{key}-{number}" for number in rng.permutation(10)] for key in ids}
    right = {key: f"{key}-3" for key in ids}
    voted = {key: right[key] if votes_are_right else f"{key}-{rng.integers(10)}" for key in ids}
    return try_memory(
        products, {key: [(voted[key], 1.0)] for key in ids}, {key: {right[key]: 3} for key in ids}
    )


def test_a_memory_that_helps_is_used_and_one_that_does_not_is_left_out() -> None:
    assert trial_of(60, votes_are_right=True).weight in WEIGHTS
    assert trial_of(60, votes_are_right=False).weight == 0.0
    assert "no gain is shown" in trial_of(60, votes_are_right=False).note


def test_few_queries_that_came_again_decide_nothing() -> None:
    trial = trial_of(19, votes_are_right=True)
    assert trial.weight == 0.0
    assert "only 19 logged queries came again" in trial.note


def test_only_words_without_a_photo_are_answered_by_past_queries() -> None:
    weights = {"words": {"lexical": 1.0}, "words+picture": {"lexical": 0.5}, "picture": {"vector": 1.0}}
    chosen = with_query_memory(RetrievalParams(weights=weights), 1.0).weights
    assert retriever_weights("words", chosen) == {"vector": 1.0, "lexical": 1.0, QUERY_MEMORY: 1.0}
    assert retriever_weights("voice", chosen)[QUERY_MEMORY] == 1.0
    assert QUERY_MEMORY not in retriever_weights("words+picture", chosen)
    assert QUERY_MEMORY not in retriever_weights("picture", chosen)
