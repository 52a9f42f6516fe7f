"""Which queries may be learned from, what is a negative, and how often each comes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mmsearch_dagster.core.finetuning.text_examples import (
    QueryExample,
    apart_from,
    draw_products,
    epoch_order,
    grades_of,
    hold_out_examples,
    with_negatives,
)
from mmsearch_dagster.core.finetuning.text_params import TextFinetuneParams

WORDS = ("red", "mug", "blue", "kite", "steel", "pot", "large", "scarf")
queries = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)


def example(text: str, *relevant: int, provenance: str = "judged") -> QueryExample:
    return QueryExample(text, dict.fromkeys(relevant, 3.0), provenance)  # type: ignore[arg-type]


class TestApart:
    def test_what_nearly_equals_a_query_that_measures_is_not_learned_from(self) -> None:
        train = ["large steel pot with a red lid", "blue kite", "The Mugs, red!"]
        assert apart_from(train, ["red mug", "a steel pot, large, red lid"]) == [False, True, False]

    def test_a_chain_leads_to_a_query_that_measures(self) -> None:
        chain = ["steel pot red blue large", "steel pot red blue large scarf", "steel pot red blue"]
        assert apart_from(chain, [f"{chain[1]} kite"]) == [False, False, False]
        assert apart_from(chain, []) == [True, True, True]

    @given(st.lists(queries, max_size=12), st.lists(queries, max_size=6))
    def test_no_words_that_measure_are_ever_learned_from(self, train: list[str], reserved: list[str]) -> None:
        fine = apart_from(train, reserved)
        kept = {frozenset(text.split()) for text, is_apart in zip(train, fine, strict=True) if is_apart}
        assert kept.isdisjoint(frozenset(text.split()) for text in reserved)

    @given(st.lists(queries, min_size=4, max_size=30), st.integers(0, 2**32 - 1))
    def test_held_out_queries_have_no_twin_that_trains(self, texts: list[str], seed: int) -> None:
        train, held_out = hold_out_examples([example(text, 0) for text in texts], 0.25, seed)
        assert len(train) + len(held_out) == len(texts)
        words = {frozenset(each.text.split()) for each in train}
        assert words.isdisjoint(frozenset(each.text.split()) for each in held_out)


class TestNegatives:
    @given(
        st.lists(st.floats(-1, 1), min_size=3, max_size=60),
        st.sets(st.integers(0, 2), min_size=1, max_size=3),
    )
    def test_none_is_relevant_and_none_is_as_near_as_the_nearest_answer(
        self, cosines: list[float], relevant: set[int]
    ) -> None:
        scores = np.array(cosines)
        mined = with_negatives(example("red mug", *relevant), scores).negatives
        nearest = max(scores[row] for row in relevant)
        assert not relevant & set(mined)
        assert all(scores[row] < nearest for row in mined)
        assert list(scores[list(mined)]) == sorted(scores[list(mined)], reverse=True)

    def test_the_nearest_come_first_and_what_is_nearly_the_answer_is_left_out(self) -> None:
        mined = with_negatives(example("red mug", 0), np.array([0.8, 0.79, 0.5, 0.7, 0.9]))
        assert mined.negatives == (3, 2)


class TestDraws:
    @given(st.integers(1, 40), st.integers(0, 60), st.integers(1, 5), st.integers(0, 2**32 - 1))
    def test_no_query_comes_more_often_than_allowed(
        self, judged: int, logged: int, positives: int, seed: int
    ) -> None:
        examples = [example(f"q{n}", *range(6)) for n in range(judged)]
        examples += [example(f"l{n}", *range(6), provenance="log") for n in range(logged)]
        order = epoch_order(examples, positives, np.random.default_rng(seed))
        assert max(Counter(order).values()) <= positives
        assert set(order) <= set(range(len(examples)))
        if not logged:
            assert Counter(order) == dict.fromkeys(range(judged), positives)

    def test_judged_queries_weigh_more_than_logged_ones(self) -> None:
        examples = [example(f"q{n}", 0) for n in range(50)]
        examples += [example(f"l{n}", 0, provenance="log") for n in range(50)]
        order = epoch_order(examples, 4, np.random.default_rng(7))
        assert sum(row < 50 for row in order) == 77  # 0.5 : 0.15 of 100

    @given(st.integers(0, 2**32 - 1))
    def test_a_step_has_an_answer_of_each_query_and_no_product_twice(self, seed: int) -> None:
        examples = [
            QueryExample("a", {0: 3.0, 1: 1.0}, "judged", (5, 6)),
            QueryExample("b", {1: 2.0}, "log", (5,)),
        ]
        rows = draw_products(examples, 1, np.random.default_rng(seed))
        assert len(rows) == len(set(rows))
        assert (grades_of(examples, rows) > 0).any(axis=1).all()


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"shares": ()}, {"shares": (0.0,)}, {"shares": (1.5,)}, {"held_out": 0.0}, {"x": 1}],
)
def test_a_recipe_out_of_bounds_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TextFinetuneParams.model_validate(wrong)
