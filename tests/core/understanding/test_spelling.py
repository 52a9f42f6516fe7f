"""Corrections are words of the catalogue, and only for what may be a slip."""

import pytest

from mmsearch_dagster.core.understanding.spelling import correction_of
from tests.core.understanding.shop import reader

VOCABULARY = reader().vocabulary


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("jaket", "jacket"),
        ("sneekers", "sneakers"),
        ("blu", "blue"),
        ("bleu", "blue"),
        ("tshrit", "t-shirt"),
        ("Jaket", "jacket"),
        ("dres", "dress"),
    ],
)
def test_a_slip_is_corrected(typed: str, value: str) -> None:
    correction = correction_of(typed, VOCABULARY)

    assert correction is not None
    assert (correction.value, correction.sure) == (value, True)


@pytest.mark.parametrize(
    "typed", ["60", "ab1003", "wm2688", "m", "xl", "双肩包", "marea", "Gantry", "qwertz", "wasserdicht"]
)
def test_numbers_codes_brands_short_words_and_chinese_stay(typed: str) -> None:
    assert correction_of(typed, VOCABULARY) is None


def test_a_correction_to_a_rare_word_of_a_large_catalogue_is_offered_only() -> None:
    large = type(VOCABULARY)({"dymo": 3, "label": 40_000}, {}, documents=50_000)
    correction = correction_of("dymon", large)

    assert correction is not None
    assert not correction.sure


@pytest.mark.parametrize(
    ("typed", "near"), [("verho", "vero"), ("corap", "coral"), ("maailma", "maxima"), ("hmod", "hood")]
)
def test_foreign_words_and_noise_near_a_rare_word_are_not_taken_for_it(typed: str, near: str) -> None:
    large = type(VOCABULARY)({near: 13, "shirt": 3_000}, {}, documents=12_000)
    correction = correction_of(typed, large)

    assert correction is None or (correction.value, correction.sure) == (near, False)


def test_a_short_slip_of_a_frequent_word_is_corrected_in_a_large_catalogue() -> None:
    large = type(VOCABULARY)({"capri": 43}, {}, documents=12_000)
    correction = correction_of("capi", large)

    assert correction is not None
    assert (correction.value, correction.sure) == ("capri", True)


def test_two_slips_are_believed_of_a_long_word() -> None:
    large = type(VOCABULARY)({"headphones": 100}, {}, documents=12_000)
    correction = correction_of("headfones", large)

    assert correction is not None
    assert (correction.value, correction.sure) == ("headphones", True)
