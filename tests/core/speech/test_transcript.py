"""Word error rate, by hand and by law."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.speech.transcript import Transcript, word_error_rate, word_errors

WORDS = st.lists(st.sampled_from(["red", "blue", "hat", "shoes"]), max_size=7)


@pytest.mark.parametrize(
    ("said", "understood", "errors"),
    [
        ("red shoes", "red shoes", 0),
        ("red shoes", "bread shoes", 1),
        ("red shoes", "shoes", 1),
        ("red shoes", "a red pair shoes", 2),
        ("red running shoes", "running red shoes", 2),
        ("red shoes", "", 2),
        ("", "red shoes", 2),
    ],
)
def test_errors_are_words_replaced_left_out_or_put_in(said: str, understood: str, errors: int) -> None:
    assert word_errors(said.split(), understood.split()) == errors


def test_the_rate_is_over_all_words_said_and_may_exceed_one() -> None:
    assert word_error_rate([(["a", "b", "c"], ["a", "x", "c"]), (["d"], ["d"])]) == 1 / 4
    assert word_error_rate([(["a"], ["b", "c", "d"])]) == 3.0
    assert word_error_rate([([], [])]) == word_error_rate([]) == 0.0


@given(WORDS, WORDS, WORDS)
def test_errors_are_a_distance(one: list[str], two: list[str], three: list[str]) -> None:
    assert (word_errors(one, two) == 0) == (one == two)
    assert word_errors(one, two) == word_errors(two, one)
    assert word_errors(one, three) <= word_errors(one, two) + word_errors(two, three)
    assert abs(len(one) - len(two)) <= word_errors(one, two) <= max(len(one), len(two))


def test_a_transcript_knows_its_words() -> None:
    assert Transcript("red shoes", 0.5).words == ("red", "shoes")
    assert Transcript("", 0.0).words == ()


@pytest.mark.parametrize("text", ["", "the", "but the", "The.", "..."])
def test_nothing_can_be_looked_for_by_fillers(text: str) -> None:
    assert not Transcript(text, 0.9).says_something
    assert Transcript(f"{text} shoe".strip(), 0.9).says_something
