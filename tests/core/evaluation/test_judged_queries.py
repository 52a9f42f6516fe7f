"""Every branch on the same queries."""

from dataclasses import replace

import numpy as np
import pytest

from mmsearch_dagster.core.evaluation.judged_queries import (
    by_encoder,
    by_vector,
    score,
    single_retriever_rankings,
)
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch
from tests.core.judged import queries, rankings


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


def test_a_query_is_prepared_as_the_engine_does_it() -> None:
    judged = replace(queries(2), texts=("bag leather", "c"), typed={"q0": "bag"})

    voice, typed = judged.prepared()

    assert (voice.text, voice.typed) == ("bag leather", "bag")
    assert set(voice.weights) - set(typed.weights) == {"typed"}
    assert typed.weights["vector"] == 1.0
    assert "vector" not in judged.prepared(fused=False)[0].weights


def test_the_score_of_a_query_is_its_metric() -> None:
    assert score({"q": ["x", "right"]}, {"q": {"right": 3}}) == {"q": pytest.approx(1 / np.log2(3))}


def test_the_single_branches_are_those_that_both_sides_have() -> None:
    asked = queries(2)
    items = ModalityBatch(("a",), {TEXT: np.ones((1, 2), np.float32)}, {TEXT: np.array([True])})
    assert set(single_retriever_rankings(asked, items, rankings(asked, "a"), 5)) == {"text only", "bm25"}


def test_full_text_is_no_rival_where_there_are_no_words() -> None:
    asked = queries(2, words=False, picture=True)
    items = ModalityBatch(("a",), {IMAGE: np.ones((1, 3), np.float32)}, {IMAGE: np.array([True])})
    assert set(single_retriever_rankings(asked, items, rankings(asked), 5)) == {"image only"}


def test_of_several_pictures_of_a_product_the_nearest_counts() -> None:
    """The photo is one of `shoe`'s pictures; the mean of both lies nearer to the queries of `bag`."""
    looks = np.array([[1, 0], [0, 9], [3, 1]], np.float32)
    items = ModalityBatch(("shoe", "shoe", "bag"), {IMAGE: looks}, {IMAGE: np.ones(3, bool)})
    photo = ModalityBatch(("q",), {IMAGE: np.array([[2, 0]], np.float32)}, {IMAGE: np.ones(1, bool)})
    assert by_encoder(IMAGE, photo, items, 9) == {"q": ["shoe", "bag"]}
    assert by_encoder(IMAGE, photo, items.merged(), 9) == {"q": ["bag", "shoe"]}
