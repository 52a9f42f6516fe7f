"""Queries out of the catalogue: what they ask, how they are graded, and that they are held out by product."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.labels.catalogue_queries import (
    Limits,
    attribute_queries,
    image_queries,
    title_queries,
)
from mmsearch_dagster.core.labels.holdout import part_of, product_part
from mmsearch_dagster.core.labels.synthetic_query import SyntheticQuery

ALL: Limits = {"train": 10_000, "dev": 10_000, "validation": 10_000}
anything = st.one_of(st.none(), st.text(max_size=12))


def products(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schemas.PRODUCTS)


def shirt(
    key: str, colour: str, brand: str | None = None, category: str = "Clothes > Shirt"
) -> dict[str, Any]:
    attributes = [{"key": "colour", "value": colour}]
    return {
        col.PRODUCT_ID: key,
        col.TITLE: f"shirt number {key}",
        col.CATEGORY: category,
        col.BRAND: brand,
        col.ATTRIBUTES: attributes,
    }


def wardrobe(count: int) -> pl.DataFrame:
    """Shirts, hats and lamps in five colours of three brands, each with a title of its own."""
    colours, brands = ("red", "blue", "green", "black", "white"), ("acme", "nord", "lumo")
    nouns = ("Clothes > Shirt", "Clothes > Hat", "Home > Lamp")
    rows = [
        shirt(str(n), colours[n % 5], brands[n % 3], nouns[n % 7 % 3])
        | {col.TITLE: f"{brands[n % 3]} comfortable {nouns[n % 7 % 3].split()[-1]} number {n}"}
        for n in range(count)
    ]
    return products(*rows)


def all_made(shop: pl.DataFrame, limits: Limits = ALL, seed: int = 3) -> list[SyntheticQuery]:
    return [
        *title_queries(shop, limits=limits, seed=seed),
        *attribute_queries(shop, limits=limits, seed=seed),
        *image_queries(shop, shop[col.PRODUCT_ID].to_list(), limits=limits),
    ]


def by_text(shop: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Attribute queries of many seeds: the forms that a product takes are drawn."""
    made = [query for seed in range(20) for query in attribute_queries(shop, limits=ALL, seed=seed)]
    return {str(query.text): dict(query.graded) for query in made}


def test_an_attribute_query_names_the_category_and_grades_by_what_fits() -> None:
    shop = products(
        *(shirt(str(n), ("Red", "red", "Blue")[n % 3]) for n in range(30)), shirt("hat", "Red", None, "Hats")
    )
    red = [graded for text, graded in by_text(shop).items() if set(text.split()) == {"red", "shirt"}]
    assert red
    assert all(graded == {str(n): 1.0 if n % 3 == 2 else 3.0 for n in range(30)} for graded in red)


def test_two_values_give_grade_two_to_half_a_match() -> None:
    kinds = [("Red", "Acme"), ("Red", "Other"), ("Blue", "Third")]
    shop = products(*(shirt(str(n), *kinds[n % 3]) for n in range(60)))
    both = [graded for text, graded in by_text(shop).items() if {"red", "acme"} <= set(text.split())]
    assert both
    assert all(graded == {str(n): (3.0, 2.0, 1.0)[n % 3] for n in range(60)} for graded in both)


def test_a_shop_is_asked_for_brands_colours_and_both() -> None:
    texts = set(by_text(wardrobe(60)))
    assert texts & {"acme shirt", "shirt acme"}
    assert texts & {"red shirt", "shirt red"}
    assert any({"acme", "red"} <= set(text.split()) for text in texts)


def test_a_product_without_category_asks_nothing_by_attributes() -> None:
    shop = products({col.PRODUCT_ID: "1", col.BRAND: "Acme", col.ATTRIBUTES: None})
    assert attribute_queries(shop, limits=ALL, seed=0) == []


@given(
    rows=st.lists(st.tuples(anything, anything, anything, anything), max_size=8),
    limit=st.integers(0, 6),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=25)
def test_any_text_in_any_field_is_answered_repeatably_and_within_the_limit(
    rows: list[tuple[str | None, ...]], limit: int, seed: int
) -> None:
    shop = products(
        *(
            {
                col.PRODUCT_ID: str(row),
                col.TITLE: title,
                col.CATEGORY: category,
                col.BRAND: brand,
                col.ATTRIBUTES: [{"key": "k", "value": value}],
            }
            for row, (title, category, brand, value) in enumerate(rows)
        )
    )
    limits: Limits = {"train": limit, "dev": limit, "validation": limit}
    for make in (attribute_queries, title_queries):
        made = make(shop, limits=limits, seed=seed)
        for part in limits:
            assert sum(query.part == part for query in made) <= limit
        assert made == make(shop, limits=limits, seed=seed)
        assert len({query.query_id for query in made}) == len(made)
        assert all(3.0 in query.graded.values() for query in made)
        assert all(query.provenance == "catalogue" for query in made)


def test_a_title_query_keeps_the_order_of_two_thirds_of_the_words_and_finds_twins() -> None:
    title = "soft green wool winter scarf long"
    shop = products({col.PRODUCT_ID: "a", col.TITLE: title}, {col.PRODUCT_ID: "b", col.TITLE: title.upper()})
    made = {query.query_id: query for query in title_queries(shop, limits=ALL, seed=4)}
    words = (made["title:a"].text or "").split()
    assert 4 <= len(words) <= 6
    assert words == [word for word in title.split() if word in words]
    assert all(dict(query.graded) == {"a": 3.0, "b": 3.0} for query in made.values())


def test_one_title_in_three_is_misspelt_in_one_word() -> None:
    shop = products({col.PRODUCT_ID: "a", col.TITLE: "green woollen winter scarf"})
    misspelt = [query for query in title_queries(shop, limits=ALL, seed=4) if "misspelt" in query.query_id]
    words = (misspelt[0].text or "").split()
    assert sum(word not in ["green", "woollen", "winter", "scarf"] for word in words) == 1


def test_a_title_without_a_long_latin_word_is_not_misspelt() -> None:
    shop = products({col.PRODUCT_ID: "a", col.TITLE: "红色 运动鞋 42"})
    assert len(title_queries(shop, limits=ALL, seed=4)) == 2


def test_a_picture_query_asks_for_its_own_product() -> None:
    shop = products(shirt("a", "red"), shirt("b", "red"))
    made = image_queries(shop, ["a"], limits=ALL)
    assert made
    assert all(query.text is None and dict(query.graded) == {"a": 3.0} for query in made)
    assert all(query.image_of == "a" for query in made)


def test_a_product_is_asked_for_in_one_part_only() -> None:
    parts: dict[str, set[str]] = {}
    for query in all_made(wardrobe(199)):
        if not query.query_id.startswith("attributes:"):
            for product in query.graded:
                parts.setdefault(product, set()).add(query.part)
    assert set(map(len, parts.values())) == {1}
    assert {part for used in parts.values() for part in used} == {"train", "dev", "validation"}


def test_an_attribute_query_is_in_the_part_of_its_text_and_of_a_product_that_asks_it() -> None:
    shop = wardrobe(199)
    titles = dict(shop.select(col.PRODUCT_ID, col.TITLE).iter_rows())
    made = attribute_queries(shop, limits=ALL, seed=1)
    assert made
    for query in made:
        assert query.part == part_of(str(query.text))
        best = [product for product, grade in query.graded.items() if grade == 3.0]
        assert query.part in {product_part(product, titles[product]) for product in best}


def test_products_of_one_title_are_held_out_together() -> None:
    assert product_part("a", "Red  Shirt") == product_part("b", "red shirt")
    untitled = {product_part(str(n), None) for n in range(60)}
    assert untitled == {"train", "dev", "validation"}


@pytest.mark.parametrize("gone", [0, 57, 198])
def test_one_product_less_changes_no_query_of_the_others(gone: int) -> None:
    """With limits that bind, a query that goes lets in another one; none is asked differently."""
    shop = wardrobe(199)
    less = shop.filter(pl.col(col.PRODUCT_ID) != str(gone))
    before = {query.query_id: query for query in all_made(shop)}
    after = {query.query_id: query for query in all_made(less)}

    assert not after.keys() - before.keys()
    lost = before.keys() - after.keys()
    assert all(str(gone) in before[key].graded for key in lost)
    for key, query in after.items():
        assert (query.text, query.part) == (before[key].text, before[key].part)
        assert dict(query.graded) == {p: g for p, g in before[key].graded.items() if p != str(gone)}

    few: Limits = {"train": 50, "dev": 20, "validation": 30}
    drawn, again = ({query.query_id for query in all_made(rows, few)} for rows in (shop, less))
    assert len(drawn - again) <= 8
    assert len(again - drawn) <= 8
