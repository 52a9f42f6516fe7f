import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.retrieval import rank_fusion
from mmsearch_dagster.core.retrieval.rank_fusion import (
    fuse,
    kinds_alike,
    query_kind,
    retriever_weights,
)

ids = st.lists(st.sampled_from("abcdefgh"), unique=True)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(rank_fusion).failed == 0


def test_an_id_that_two_rankings_name_adds_both_reciprocal_ranks() -> None:
    fused = dict(fuse({"vector": ["x", "y"], "lexical": ["y"]}, {"vector": 1.0, "lexical": 0.5}, k=60))
    assert fused["x"] == pytest.approx(1 / 61)
    assert fused["y"] == pytest.approx(1 / 62 + 0.5 / 61)


def test_equal_scores_are_ordered_by_id() -> None:
    assert [key for key, _ in fuse({"a": ["z"], "b": ["m"]}, {}, k=60)] == ["m", "z"]


def test_weight_zero_leaves_a_ranking_out() -> None:
    assert fuse({"vector": ["a"], "lexical": ["b"]}, {"lexical": 0.0}, k=60) == [("a", 1 / 61)]


def test_a_repeated_id_counts_where_it_comes_first() -> None:
    assert fuse({"vector": ["a", "a", "b"]}, {}, k=0) == [("a", 1.0), ("b", 0.5)]


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_senseless_weight_is_refused_by_name(weight: float) -> None:
    with pytest.raises(QueryError, match="lexical"):
        fuse({"lexical": ["a"]}, {"lexical": weight}, k=60)


@given(first=ids, second=ids, weight=st.floats(0.01, 10), k=st.integers(0, 100))
def test_fusion_keeps_every_id_once_and_the_order_of_agreeing_rankings(
    first: list[str], second: list[str], weight: float, k: int
) -> None:
    fused = [key for key, _ in fuse({"a": first, "b": second}, {"b": weight}, k)]
    assert sorted(fused) == sorted(set(first) | set(second))
    assert [key for key, _ in fuse({"a": first, "b": first}, {"b": weight}, k)] == first
    scores = [score for _, score in fuse({"a": first, "b": second}, {"b": weight}, k)]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("words", "picture", "kind"),
    [(True, False, "words"), (False, True, "picture"), (True, True, "words+picture")],
)
def test_a_query_is_named_by_what_it_consists_of(words: bool, picture: bool, kind: str) -> None:
    assert query_kind(words=words, image=picture) == kind


def test_an_empty_query_is_refused() -> None:
    with pytest.raises(QueryError, match="give words, a voice, a picture"):
        query_kind(words=False, image=False)


@pytest.mark.parametrize("kind", ["words+voice", "words+voice+picture", "words+voice[zh]"])
def test_heard_words_weigh_as_much_as_they_are_sure_typed_ones_the_rest(kind: str) -> None:
    chosen = {"words": {"lexical": 2.0}, "words+picture": {"lexical": 2.0}}
    weights = retriever_weights(kind, chosen, 0.25)
    assert weights == {"vector": 1.0, "lexical": 0.5, "typed": 1.5}
    asked = retriever_weights(kind, chosen, 0.25, {"lexical": 4.0, "text": 1.0})
    assert asked == {"vector": 1.0, "text": 1.0, "lexical": 1.0, "typed": 3.0}


@pytest.mark.parametrize("kind", ["words", "voice", "voice+picture", "picture"])
def test_only_beside_typed_words_is_full_text_search_shared(kind: str) -> None:
    assert "typed" not in retriever_weights(kind, {"words": {"lexical": 2.0}}, 0.25)


@pytest.mark.parametrize(
    ("language", "kind"),
    [
        ("en", "words+picture"),
        ("", "words+picture"),
        ("zh", "words+picture[zh]"),
        ("other", "words+picture[other]"),
    ],
)
def test_words_in_another_script_are_a_kind_of_their_own(language: str, kind: str) -> None:
    found = query_kind(words=True, image=True, language=language)
    assert found == kind
    assert kinds_alike(found)[-1] == "words+picture"
    assert query_kind(words=False, image=True, language=language) == "picture"
