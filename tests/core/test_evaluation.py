"""Every branch on the same queries, and the blend that the training queries ask for."""

import numpy as np
import pytest

from mmsearch_dagster.core.evaluation import (
    LEXICAL_WEIGHTS,
    JudgedQueries,
    Rankings,
    blend,
    by_encoder,
    by_vector,
    by_words,
    choose_blend,
    score,
    single_branches,
)
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch
from mmsearch_dagster.core.release import RetrievalParams


def queries(count: int, *, words: bool = True, picture: bool = False) -> JudgedQueries:
    ids = tuple(f"q{row}" for row in range(count))
    present = {TEXT: np.full(count, words), IMAGE: np.full(count, picture)}
    batch = ModalityBatch(
        ids, {TEXT: np.ones((count, 2), np.float32), IMAGE: np.ones((count, 3), np.float32)}, present
    )
    texts = tuple("words" if words else None for _ in ids)
    return JudgedQueries(batch, texts, ("judged",) * count, {key: {"right": 3} for key in ids})


def rankings(asked: JudgedQueries, *found: str) -> Rankings:
    return {key: list(found) for key in asked.batch.ids}


def test_kinds_follow_from_words_and_pictures_and_an_empty_query_has_none() -> None:
    ids = ("w", "p", "b", "none")
    present = {IMAGE: np.array([False, True, True, False])}
    batch = ModalityBatch(ids, {IMAGE: np.zeros((4, 2), np.float32)}, present)
    asked = JudgedQueries(batch, ("a", None, "b", None), ("judged",) * 4, {})
    assert asked.kinds == {"w": "words", "p": "picture", "b": "words+picture"}


def test_a_query_without_a_vector_finds_nothing() -> None:
    items = np.eye(2, dtype=np.float32)
    asked = np.array([[0, 1], [0, 0]], np.float32)
    assert by_vector(asked, items, (["q", "nothing"], ["a", "b"]), 2) == {"q": ["b", "a"], "nothing": []}


def test_the_encoder_alone_ranks_by_cosine_among_the_items_that_have_it() -> None:
    vectors = {TEXT: np.array([[9, 9], [1, 0], [0, 0], [0, 5]], np.float32)}
    items = ModalityBatch(("both", "x", "missing", "y"), vectors, {TEXT: np.array([True, True, False, True])})
    asked = ModalityBatch(
        ("q", "silent"), {TEXT: np.array([[2, 1], [1, 1]], np.float32)}, {TEXT: np.array([True, False])}
    )
    assert by_encoder(TEXT, asked, items, 9) == {"q": ["both", "x", "y"], "silent": []}
    assert by_encoder(IMAGE, asked, items, 9) == {"q": [], "silent": []}


def test_only_queries_with_words_are_searched_by_words() -> None:
    asked = queries(3)
    mute = JudgedQueries(asked.batch, ("a", None, "c"), asked.origins, asked.grades)
    found = by_words(mute, lambda texts, depth: [[f"{text}{depth}"] for text in texts], 7)
    assert found == {"q0": ["a7"], "q1": [], "q2": ["c7"]}


def test_a_blend_weighs_by_the_kind_of_query() -> None:
    vector, lexical = {"w": ["a"], "p": ["a"]}, {"w": ["b"], "p": ["b"]}
    params = RetrievalParams(lexical_weight={"words": 2.0, "picture": 0.0})
    assert blend(vector, lexical, {"w": "words", "p": "picture"}, params) == {"w": ["b", "a"], "p": ["a"]}


def test_the_score_of_a_query_is_its_metric() -> None:
    assert score({"q": ["x", "right"]}, {"q": {"right": 3}}) == {"q": pytest.approx(1 / np.log2(3))}


def test_full_text_gets_the_most_weight_where_only_it_finds_the_product() -> None:
    asked = queries(12)
    chosen = choose_blend(rankings(asked, "wrong", "bad"), rankings(asked, "right"), asked)
    assert chosen.lexical_weight["words"] == max(LEXICAL_WEIGHTS)


def test_full_text_gets_no_weight_where_it_does_harm() -> None:
    asked = queries(12)
    # Even the smallest weight lifts "wrong", which both name, above "right".
    vector, lexical = rankings(asked, "right", "wrong"), rankings(asked, "wrong")
    assert choose_blend(vector, lexical, asked).lexical_weight["words"] == 0.0


def test_a_tie_takes_the_larger_weight() -> None:
    asked = queries(12)
    same = rankings(asked, "right", "wrong")
    assert choose_blend(same, same, asked).lexical_weight["words"] == max(LEXICAL_WEIGHTS)


@pytest.mark.parametrize(("count", "few"), [(0, True), (9, True), (10, False)])
def test_under_ten_queries_are_too_few_to_choose_by(count: int, few: bool) -> None:
    asked = queries(count)
    found = choose_blend(rankings(asked, "wrong"), rankings(asked, "right"), asked, fallback=0.125)
    assert (found.lexical_weight["words"] == 0.125) is few
    assert found.lexical_weight["words+picture"] == 0.125


def test_a_picture_alone_never_uses_full_text() -> None:
    asked = queries(12, words=False, picture=True)
    found = choose_blend(rankings(asked, "wrong"), rankings(asked, "right"), asked)
    assert found.lexical_weight["picture"] == 0.0


def test_the_single_branches_are_those_that_both_sides_have() -> None:
    asked = queries(2)
    items = ModalityBatch(("a",), {TEXT: np.ones((1, 2), np.float32)}, {TEXT: np.array([True])})
    assert set(single_branches(asked, items, rankings(asked), 5)) == {"text only", "bm25"}
