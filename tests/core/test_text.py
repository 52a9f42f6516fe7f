"""What a person wrote becomes what the encoders read."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmsearch_dagster.core.text import MAX_CHARACTERS, category_words, clean, item_text, query_text


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("  a \n\t b ", "a b"),
        ("<b>bold</b> &amp; brave", "bold & brave"),
        ("ｆｕｌｌ ﬁne", "full fine"),
        ("shoe \U0001f45f red", "shoe red"),
        ("zero\x00byte\u200b", "zero byte"),
        ("3 < 4 > 2", "3 2"),
        ("家 Ärger ñ", "家 Ärger ñ"),
        ("\U0001f45f\ufe0f", ""),
        ("", ""),
    ],
)
def test_clean(raw: str, read: str) -> None:
    assert clean(raw) == read
    assert query_text(raw) == read


@given(text=st.text(max_size=200))
@example(text="\ud800 lone surrogate")
def test_clean_text_is_printable_single_spaced_and_can_be_encoded(text: str) -> None:
    read = clean(text)
    assert read == " ".join(read.split())
    assert not any(unicodedata.category(letter)[0] == "C" for letter in read)
    assert read.encode("utf-8").decode("utf-8") == read


def test_a_book_is_cut_off() -> None:
    assert len(clean("word " * 1_000_000)) <= MAX_CHARACTERS


@pytest.mark.parametrize(
    ("category", "words"),
    [("A > B c > D", ["A", "B c", "D"]), (" > A>> ", ["A"]), (None, []), ("", [])],
)
def test_category_words(category: str | None, words: list[str]) -> None:
    assert category_words(category) == words


def test_a_product_is_told_title_first_and_nothing_twice() -> None:
    found = item_text(
        "Red shirt",
        brand="Acme",
        category="Clothes > Shirt",
        attributes=[{"key": "size", "value": "L"}, {"key": "colour", "value": ""}],
        description="Red shirt",
    )
    assert found == "Red shirt. Acme. Clothes Shirt. L"


def test_a_product_without_anything_is_an_empty_text() -> None:
    assert item_text(None) == ""
