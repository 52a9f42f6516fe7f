"""What a person wrote becomes what the encoders read."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmsearch_dagster.core.text.preparation import (
    MAX_CHARACTERS,
    STOP_WORDS,
    category_words,
    clean,
    item_text,
    language_of,
    query_text,
    without_stop_words,
)


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("  a \n\t b ", "a b"),
        ("<b>bold</b> &amp; brave", "bold & brave"),
        ("<p class='x'>one<br/>two</p><!-- not <b>this</b> -->", "one two"),
        ("a<style>p {color: red}</style><script>alert('x < y')</script>b", "a b"),
        ("&lt;b&gt;twice&lt;/b&gt; &amp;amp; more", "twice & more"),
        ("ｆｕｌｌ ﬁne", "full fine"),
        ("＜b＞wide＜/b＞", "wide"),
        ("shoe \U0001f45f red", "shoe red"),
        ("hot \u2b50\u231a deal", "hot deal"),
        ("zero\x00byte\u200b", "zero byte"),
        ("Kaffee\u00adtasse", "Kaffeetasse"),
        ("3 < 4 > 2", "3 < 4 > 2"),
        ("AT&T, R&D", "AT&T, R&D"),
        ("家 Ärger ñ", "家 Ärger ñ"),
        ("【新品】　红色运动鞋！", "【新品】 红色运动鞋!"),
        ("", ""),
    ],
)
def test_clean(raw: str, read: str) -> None:
    assert clean(raw) == read
    assert query_text(raw) == read


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("\U0001f45f\ufe0f", "athletic shoe"),
        ("\U0001f457 \U0001f457\U0001f392", "dress school satchel"),
        ("\U0001f44d\U0001f3fd", "thumbs up sign"),
        ("\U0001f1e9\U0001f1ea", ""),
        ("red \U0001f45f", "red"),
    ],
)
def test_a_query_of_nothing_but_emoji_is_read_by_their_names(raw: str, read: str) -> None:
    assert query_text(raw) == read
    assert not clean(raw) or clean(raw) == read


# Pieces that become something else when they meet.
ENTITIES = ("&", "amp;", "lt;", "&lt;", "&#60;", "&#xFF1C;")
SIGNS = ("<", ">", "b", "/", "＜", "＞", "＆", "<!--", "-->", "<script>", "</script>")
LETTERS = ("ﬁ", " ", "\u00ad", "\U0001f45f", "\u0301", "\ud800", "\x85")
pieces = st.sampled_from((*ENTITIES, *SIGNS, *LETTERS))


@given(text=st.one_of(st.text(max_size=200), st.lists(pieces, max_size=40).map("".join)))
@example(text="\ud800 lone surrogate")
@example(text="&" + "amp;" * 60 + "lt;b>")
def test_clean_text_is_printable_single_spaced_bounded_and_cleaning_it_again_changes_nothing(
    text: str,
) -> None:
    for prepare in (clean, query_text):
        read = prepare(text)
        assert prepare(read) == read
        assert read == " ".join(read.split())
        assert not any(unicodedata.category(letter)[0] == "C" for letter in read)
        assert read.encode("utf-8").decode("utf-8") == read
        assert len(read) <= MAX_CHARACTERS


@pytest.mark.timeout(60)  # a pattern that backtracks would need hours
@pytest.mark.parametrize("piece", ["word ", "&amp;", "amp;", "<", "<script>", "<!--", "\ufdfa", "ｱﾞ", "<a b"])
def test_a_book_of_anything_is_cut_off(piece: str) -> None:
    read = clean("&" + piece * 1_000_000)
    assert len(read) <= MAX_CHARACTERS
    assert clean(read) == read


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("红色运动鞋", "zh"),
        ("Nordvik Aurora 42 红色运动鞋", "zh"),
        ("赤いスニーカー", "ja"),
        ("東京の靴", "ja"),
        ("빨간 운동화", "ko"),
        ("red shoes", "en"),
        ("rote Schuhe, größer", "en"),
        ("42 !?", ""),
        ("giày thể thao đỏ", "en"),
        ("красные туфли", "other"),
        ("Nordvik красные туфли", "other"),
        ("حذاء أحمر", "other"),
        ("", ""),
    ],
)
def test_the_language_is_guessed_by_script(text: str, language: str) -> None:
    assert language_of(text) == language


@given(text=st.text(max_size=100))
def test_a_language_is_guessed_for_any_text(text: str) -> None:
    assert language_of(text) in {"zh", "ja", "ko", "en", "other", ""}


def test_words_of_a_request_are_left_out_unless_there_are_no_others() -> None:
    assert without_stop_words(["我想", "要一", "双", "红色", "运动鞋"], "zh") == ["双", "红色", "运动鞋"]
    assert without_stop_words(["请", "帮我"], "zh") == ["请", "帮我"]
    assert without_stop_words(["the", "shoe"], "en") == ["the", "shoe"]
    assert not STOP_WORDS["zh"] & {"红", "鞋", "包", "双"}


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
