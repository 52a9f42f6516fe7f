"""A catalogue's language: its words, what follows what, and the file a decoder reads."""

import math

import polars as pl
import pytest

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.speech import language as module
from mmsearch_dagster.core.speech.language import Language, bigrams, shop_language, spoken_words


def products(*titles: str | None) -> pl.DataFrame:
    rows = [
        {
            col.PRODUCT_ID: f"p{number}",
            col.TITLE: title,
            col.CATEGORY: "Shoes > Running Shoes",
            col.BRAND: "Maréa",
            col.ATTRIBUTES: [{"key": "color", "value": "crimson"}, {"key": "size", "value": None}],
        }
        for number, title in enumerate(titles)
    ]
    schema = {name: kind for name, kind in schemas.PRODUCTS.items() if name in module.COLUMNS}
    return pl.DataFrame(rows, schema=schema)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red <b>Shoes</b> 42", ["red", "shoes"]),
        ("Women’s T-Shirt", ["women's", "t", "shirt"]),
        ("Maréa Škoda", ["marea", "skoda"]),
        ("红色运动鞋", []),
        ("Ｆｕｌｌ width", ["full", "width"]),
        ("", []),
    ],
)
def test_a_text_is_said_in_plain_letters(text: str, words: list[str]) -> None:
    assert spoken_words(text) == words


def test_words_come_from_every_column_and_from_how_people_ask() -> None:
    words = shop_language(products("Azure trail sneaker")).words
    assert {"azure", "trail", "sneaker", "shoes", "running", "marea", "crimson"} <= set(words)
    assert {"looking", "for", "with", "without"} <= set(words)
    assert "none" not in words


def test_order_of_rows_and_missing_columns_do_not_matter() -> None:
    frame = products("Red shoes", "Blue hat", None)
    assert shop_language(frame).digest == shop_language(frame.reverse()).digest
    few = shop_language(frame.select(col.PRODUCT_ID, col.TITLE))
    assert "hat" in few.words
    assert "marea" not in few.words
    assert shop_language(products()).words


def test_a_large_vocabulary_is_cut_at_its_rare_words(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = len(shop_language(products()).words)
    monkeypatch.setattr(module, "MAX_WORDS", asked + 2)
    language = shop_language(products("zeta alpha", "zeta beta", "zeta alpha"))
    # Category, brand and colour are written thrice each, as "zeta" is; ties go by the alphabet.
    assert len(language.words) == asked + 2
    assert "beta" not in language.words
    assert all(one in {*language.words, "<s>", "</s>"} for pair in language.pairs for one in pair)


def searches(*asked: tuple[str | None, str | None, str | None]) -> pl.DataFrame:
    """(user, session, words)"""
    return pl.DataFrame(asked, schema=[col.USER_ID, col.SESSION_ID, col.QUERY_TEXT], orient="row")


def test_what_two_people_asked_is_part_of_the_language_and_what_one_asked_is_not() -> None:
    log = searches(
        ("ann", "1", "kinky boots"),
        ("bob", "2", "Kinky hats"),
        ("ann", "3", "my phone 555"),
        ("ann", "4", "my phone 555"),
        (None, "5", "naughty boots"),
        (None, "6", "naughty boots"),
        (None, None, "nobody boots"),
        ("ann", "7", None),
        ("bob", "8", "红色"),
    )
    language = shop_language(products("Red shoes"), log)
    assert {"kinky", "boots", "naughty"} <= set(language.words)
    assert {"hats", "phone", "nobody"}.isdisjoint(language.words)
    assert {("<s>", "kinky"), ("naughty", "boots")} <= set(language.pairs)
    assert ("kinky", "boots") not in language.pairs
    assert shop_language(products("Red shoes"), log.reverse()).digest == language.digest
    assert (
        shop_language(products("Red shoes"), log.clear()).digest
        == shop_language(products("Red shoes")).digest
    )


def test_a_language_is_read_back_as_it_was_written() -> None:
    language = shop_language(products("Red shoes", "Blue hat"))
    again = Language.from_json(language.to_json())
    assert again == language
    assert again.digest == language.digest


def test_the_file_of_bigrams_is_a_probability_of_every_next_word() -> None:
    language = shop_language(products("red shoes", "red hat", "blue hat"))
    speakable = [word for word in language.words if word != "marea"]
    text = bigrams(language, speakable)
    ones, twos = _read(text)
    assert "marea" not in ones
    assert "<s>" in ones
    alone = {word: 10**value for word, (value, _) in ones.items() if word != "<s>"}
    assert sum(alone.values()) == pytest.approx(1, abs=1e-3)
    follow = {word: 10**value for (first, word), value in twos.items() if first == "red"}
    rest = sum(share for word, share in alone.items() if word not in follow)
    assert sum(follow.values()) + rest * 10 ** ones["red"][1] == pytest.approx(1, abs=1e-3)
    assert follow["shoes"] > alone["shoes"]
    assert f"ngram 1={len(ones)}" in text
    assert f"ngram 2={len(twos)}" in text


def _read(text: str) -> tuple[dict[str, tuple[float, float]], dict[tuple[str, str], float]]:
    first, second = text.split("\\1-grams:\n")[1].split("\\2-grams:\n")
    ones = {
        line.split()[1]: (float(line.split()[0]), float(line.split()[2]))
        for line in first.split("\n")
        if line
    }
    rows = [line.split() for line in second.split("\\end\\")[0].split("\n") if line]
    assert all(math.isfinite(float(row[0])) for row in rows)
    return ones, {(row[1], row[2]): float(row[0]) for row in rows}
