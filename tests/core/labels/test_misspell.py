"""Typing errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.labels.misspell import misspell


@given(seed=st.integers(0, 10_000))
def test_one_word_is_off_by_one_letter_or_by_two_that_are_swapped(seed: int) -> None:
    words, misspelt = ["garden", "lantern"], misspell("garden lantern", np.random.default_rng(seed)).split()
    changed = [(word, error) for word, error in zip(words, misspelt, strict=True) if word != error]
    assert len(changed) == 1
    word, error = changed[0]
    assert error[0] == word[0]
    assert abs(len(error) - len(word)) <= 1


@given(seed=st.integers(0, 10_000))
def test_a_word_of_one_repeated_letter_still_changes(seed: int) -> None:
    assert misspell("aaaaaa", np.random.default_rng(seed)) != "aaaaaa"


@pytest.mark.parametrize("text", ["", "red bag", "SKU-10264 4711", "红色运动鞋", "x1234567"])
def test_short_words_numbers_codes_and_other_scripts_stay(text: str) -> None:
    assert misspell(text, np.random.default_rng(1)) == text
