"""What is not wanted is excluded where the catalogue has a value or words for it."""

import pytest

from mmsearch_dagster.core.understanding.negation import negations
from mmsearch_dagster.core.understanding.reading import QueryReader
from tests.core.understanding.shop import reader

READER = reader()


def phrases(text: str) -> list[str]:
    return [reading.part.text for reading in negations(text, READER.vocabulary, READER.values)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("red but not dress", ["dress"]),
        ("jacket without hood", ["hood"]),
        ("jacket without a hood", ["hood"]),
        ("shoes except sneakers", ["sneakers"]),
        ("shirt not red or blue", ["red", "blue"]),
        ("trousers no wool", ["wool"]),
        ("双肩包不要红色", ["红色"]),
        ("不要红色的双肩包", ["红色"]),
    ],
)
def test_a_negation_is_read(text: str, expected: list[str]) -> None:
    assert phrases(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "plate without pattern",
        "non-stick pan",
        "not too expensive",
        "no name sneakers",
        "No. 5",
        "有没有红色双肩包",
        "无线耳机",
    ],
)
def test_what_excludes_nothing_that_the_catalogue_has_is_left_alone(text: str) -> None:
    assert phrases(text) == []


def test_a_category_is_excluded_by_its_path_and_a_word_by_the_text() -> None:
    category, word = (
        negations(text, READER.vocabulary, READER.values)[0].part.condition or ""
        for text in ("not dress", "without hood")
    )

    assert "lower(category)" in category
    assert word.startswith(r"(NOT (regexp_like(search_text, '(?i)\b(hood)\b')) OR regexp_like(search_text, ")


def test_a_colour_and_the_thing_it_belongs_to_are_excluded_together() -> None:
    spices = QueryReader.of([{"product_id": "1", "title": "Beef with black pepper", "category": "Beef"}])

    assert [part.text for part in spices.read("beef without black pepper").parts][:1] == ["black pepper"]
    assert phrases("sneakers not red dress") == ["red"], "a dress is asked for by itself"
