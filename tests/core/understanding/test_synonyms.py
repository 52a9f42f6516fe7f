"""Synonyms: one way, two ways, and what is wrong in the file."""

import pytest

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.understanding.synonyms import parse_synonyms
from tests.core.understanding.shop import reader

RULES = parse_synonyms(
    """
    two_way:
      - [sneakers, trainers, gym shoes]
      - [backpack, 书包]
    one_way:
      - {typed: parka, means: [rain jacket], why: we sell no other}
    """,
    "synonyms.yaml",
)
READER = reader(RULES)


def test_a_word_that_no_product_has_is_replaced_by_its_synonym() -> None:
    assert READER.read("blue trainers").text == "blue sneakers"
    assert READER.read("gym shoes").text == "sneakers"
    assert READER.read("parka").text == "rain jacket"


def test_what_a_thing_is_made_of_may_be_an_adjective() -> None:
    assert READER.read("woollen trousers").text == "wool trousers"


def test_a_chinese_word_has_synonyms_too() -> None:
    assert "backpack" in READER.read("书包").search_text


def test_one_way_is_not_the_other() -> None:
    assert "parka" not in READER.read("rain jacket").search_text


def test_a_synonym_is_told_and_undone() -> None:
    assert READER.read("parka").values("synonym") == ("rain jacket",)
    assert READER.read("parka", ignore=("synonym",)).text == "parka"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("twoway: []", "did you mean 'two_way'"),
        ("one_way: [{typd: a, means: [b]}]", "did you mean 'typed'"),
        ("two_way: 3", "two_way"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_synonyms(text, "synonyms.yaml")
