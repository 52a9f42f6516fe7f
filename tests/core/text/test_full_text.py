"""The text that full-text search reads."""

from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.text.full_text import product_full_text, query_full_text


def test_an_article_number_is_one_word_too_however_it_is_typed() -> None:
    product = set(product_full_text("Sony DSC-W120 camera (pink)").split())
    for typed in ("dscw120", "DSC-W120", "dsc w120", "Dsc/W120"):
        assert "dscw120" in query_full_text(typed).split()
    assert "dscw120" in product


def test_compounds_without_a_digit_stay_the_words_they_are() -> None:
    assert product_full_text("T-Shirt, over-ear") == "t shirt over ear"


def test_han_characters_are_left_to_the_index() -> None:
    assert product_full_text("红色运动鞋 Nordvik") == "红色运动鞋 nordvik"


@given(st.text(max_size=80))
def test_any_text_is_read_and_reading_it_again_changes_no_word(text: str) -> None:
    once = product_full_text(text)
    assert product_full_text(once) == once
