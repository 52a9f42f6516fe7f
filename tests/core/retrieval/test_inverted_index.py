"""BM25 from memory, checked against its definition."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.retrieval.inverted_index import InvertedIndex

WORDS = st.lists(st.sampled_from(["red", "blue", "shoe", "mug", "lamp"]), max_size=6)


def bm25(query: list[str], document: list[str], documents: list[list[str]]) -> float:
    mean = sum(map(len, documents)) / len(documents)
    total = 0.0
    for word in query:
        having = sum(word in other for other in documents)
        idf = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
        count = document.count(word)
        total += idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * len(document) / mean))
    return total


@given(documents=st.lists(WORDS, min_size=1, max_size=12), query=WORDS, k=st.integers(1, 15))
def test_the_best_by_bm25_come_first(documents: list[list[str]], query: list[str], k: int) -> None:
    index = InvertedIndex.of({f"p{number:02d}": words for number, words in enumerate(documents)})

    ranked = index.best(query, k)

    with_words = [words for words in documents if words]
    true = {
        f"p{number:02d}": bm25(query, words, with_words) for number, words in enumerate(documents) if words
    }
    matching = sorted((score for score in true.values() if score > 0), reverse=True)
    assert [score for _, score in ranked] == pytest.approx(matching[:k], abs=2e-6)
    assert [score for _, score in ranked] == pytest.approx([true[key] for key, _ in ranked], abs=2e-6)
    assert ranked == sorted(ranked, key=lambda pair: (-pair[1], pair[0]))


def test_equal_products_are_taken_in_the_order_of_their_ids() -> None:
    index = InvertedIndex.of({f"p{number:03d}": ["mug"] for number in reversed(range(200))} | {"z": ["red"]})

    assert [key for key, _ in index.best(["mug"], 3)] == ["p000", "p001", "p002"]


def test_only_products_that_pass_are_found() -> None:
    index = InvertedIndex.of({"a": ["mug"], "b": ["mug", "red"], "c": ["lamp"]})

    passing = np.array([False, True, True])

    assert [key for key, _ in index.best(["mug"], 5, passing)] == ["b"]
    assert index.best(["mug"], 5, ~passing) == [pair for pair in index.best(["mug"], 5) if pair[0] == "a"]


def test_words_that_nobody_has_find_nothing() -> None:
    assert InvertedIndex.of({"a": ["mug"]}).best(["lamp"], 5) == []
    assert InvertedIndex.of({"a": []}).best(["lamp"], 5) == []
    assert InvertedIndex.of({}).best(["lamp"], 5) == []
