"""The simplest order within the noise, kind by kind."""

from mmsearch_dagster.core.evaluation.judged_queries import Rankings
from mmsearch_dagster.core.ranking.choose_order import (
    alone,
    choose_order,
    choose_orders,
    untried,
    with_choices,
)
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import BY_RANKS, BY_SCORES, LEARNED

IDS = [f"q{number}" for number in range(30)]
GRADES = {key: {"right": 3} for key in IDS}


def right_at(rank: int, *, but: dict[str, int] | None = None) -> Rankings:
    """The product that is right stands at `rank`, at another one for the queries in `but`."""
    ranks = dict.fromkeys(IDS, rank) | (but or {})
    return {key: [*(f"wrong{place}" for place in range(1, rank)), "right"] for key, rank in ranks.items()}


SINGLES = {"lexical": right_at(2), "text": right_at(4)}


def test_an_order_that_is_shown_to_be_better_is_taken() -> None:
    choice = choose_order("words", SINGLES, {LEARNED: right_at(1)}, GRADES)
    assert (choice.order, choice.single) == (LEARNED, None)
    assert choice.gain[1] > 0.0
    assert choice.means["lexical"] < choice.means[LEARNED] == 1.0


def test_one_that_is_not_shown_to_be_better_leaves_the_kind_to_the_best_single_retriever() -> None:
    lucky = right_at(2, but={"q0": 1, "q1": 3})
    choice = choose_order("words", SINGLES, {BY_SCORES: lucky, LEARNED: right_at(2)}, GRADES)
    assert (choice.order, choice.single) == (BY_RANKS, "lexical")


def test_of_two_that_are_level_the_simpler_one_is_taken() -> None:
    choice = choose_order("words", SINGLES, {BY_SCORES: right_at(1), LEARNED: right_at(1)}, GRADES)
    assert choice.order == BY_SCORES


def test_a_query_that_a_way_does_not_answer_counts_0() -> None:
    silent: Rankings = {}
    choice = choose_order("words", SINGLES, {LEARNED: silent}, GRADES)
    assert choice.means[LEARNED] == 0.0
    assert choice.single == "lexical"


def test_kinds_with_words_show_together_what_their_ranker_gains() -> None:
    few = {key: GRADES[key] for key in IDS[:4]}
    ordered = {BY_SCORES: right_at(2), LEARNED: right_at(1, but={"q0": 2, "q1": 2})}

    alone_there = choose_order("words+picture", {"image": right_at(3)}, ordered, few)
    together = choose_orders(
        {"image": right_at(3)}, ordered, {"words": GRADES, "words+picture": few, "picture": few}
    )

    assert alone_there.order == BY_SCORES
    assert [choice.order for choice in together] == [LEARNED, LEARNED, BY_SCORES]
    assert together[1].gain[0] > 0.3


def test_a_kind_whose_mean_is_best_in_a_simpler_order_keeps_it() -> None:
    few = {key: GRADES[key] for key in IDS[:4]}
    ordered = {BY_SCORES: right_at(2, but=dict.fromkeys(IDS[:4], 1)), LEARNED: right_at(1, but={"q0": 2})}

    choices = choose_orders({"lexical": right_at(3)}, ordered, {"words": GRADES, "words+picture": few})

    assert [choice.order for choice in choices] == [LEARNED, BY_SCORES]


def test_what_was_chosen_goes_into_the_parameters_of_its_kind_only() -> None:
    before = RetrievalParams(weights={"words": {"text": 0.5}, "picture": {"image": 1.0}})
    learned = choose_order("words", SINGLES, {LEARNED: right_at(1)}, GRADES)
    single = choose_order("picture", {"image": right_at(1)}, {}, GRADES)
    after = with_choices(before, [learned, single])
    assert after.orders == {"words": LEARNED, "picture": BY_RANKS}
    assert after.weights == {"words": {"text": 0.5}, "picture": alone("image")}


def test_kinds_that_nobody_judged_are_fused_by_scores_unless_only_full_text_reads_them() -> None:
    chosen = RetrievalParams(orders={"voice": LEARNED}, weights={"words[zh]": alone("lexical")})
    assert untried(chosen, ["words", "voice", "words[zh]"]).orders == {"words": BY_SCORES, "voice": LEARNED}


def test_spoken_words_that_nobody_judged_are_ranked_as_typed_ones_are() -> None:
    learned = RetrievalParams(orders={"words": LEARNED})
    orders = untried(learned, ["words", "voice", "words+picture", "voice+picture"]).orders
    assert orders == {"words": LEARNED, "words+picture": BY_SCORES, "voice+picture": BY_SCORES}
