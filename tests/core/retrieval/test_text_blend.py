"""A doubtful transcript weighs less than the words typed beside it."""

import doctest

import numpy as np
import pytest

from mmsearch_dagster.core.retrieval import text_blend as module
from mmsearch_dagster.core.retrieval.text_blend import mean_vector, text_blend


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(("text", "typed"), [("bag", "bag"), ("bag", None), ("bag", "")])
def test_words_of_one_kind_are_read_as_they_are_however_doubtful(text: str, typed: str | None) -> None:
    assert text_blend(text, typed, 0.2) == {"bag": 1.0}


def test_a_query_without_words_has_no_wording() -> None:
    assert text_blend(None, None, 1.0) == text_blend("", None, 1.0) == {}


def test_a_sure_transcript_counts_as_much_as_typed_words() -> None:
    assert text_blend("bag shoes", "bag", 1.0) == {"bag shoes": 1.0}


def test_the_vector_lies_between_that_of_the_typed_words_and_that_of_all() -> None:
    vectors = {"bag": np.array([1.0, 0.0], np.float32), "bag shoes": np.array([0.0, 1.0], np.float32)}
    mean = mean_vector(vectors, text_blend("bag shoes", "bag", 0.25))
    assert (mean.tolist(), mean.dtype) == ([0.75, 0.25], np.float32)
    assert (mean_vector(vectors, {"bag": 1.0}) == vectors["bag"]).all()
