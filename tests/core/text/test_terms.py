"""What a query or a product's text consists of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.text.terms import Terms, read_quantities, read_terms, split_words


@pytest.mark.parametrize("spelling", ["t-shirt", "t shirt", "T-Shirts"])
def test_a_compound_is_also_one_word_however_it_is_written(spelling: str) -> None:
    assert "tshirt" in read_terms(spelling).joined | read_terms("tshirt").vocabulary
    assert read_terms(spelling).joined & read_terms("tshirt").vocabulary


def test_plurals_and_capitals_are_one_word() -> None:
    assert read_terms("Blue Jackets").words == read_terms("blue jacket").words


def test_words_with_digits_are_codes() -> None:
    assert read_terms("Linksys EZXS88W switch").codes == {"ezxs88w"}


def test_han_characters_are_words_and_pairs() -> None:
    assert split_words("红鞋子") == ["红", "鞋", "子", "红鞋", "鞋子"]


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("0.5 l", "ml", 500.0),
        ("500ml", "ml", 500.0),
        ("1 1/2 in. pipe", "mm", 38.1),
        ("12-gauge", "gauge", 12.0),
        ("2,5 kg", "g", 2500.0),
        ("1tb", "gb", 1000.0),
    ],
)
def test_a_quantity_is_read_in_the_base_unit(text: str, unit: str, value: float) -> None:
    assert read_quantities(text)[unit] == {value}


def test_a_letter_that_begins_a_word_is_no_unit() -> None:
    assert read_quantities("3 girls") == {}


def test_a_text_of_nothing_has_no_terms() -> None:
    assert read_terms(None) == read_terms(" <b></b> ") == Terms()


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    terms = read_terms(text)

    assert terms.codes <= terms.vocabulary
    assert all(value >= 0 for values in terms.quantities.values() for value in values)
