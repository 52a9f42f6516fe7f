"""Queries out of the catalogue and out of the log."""

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.fusion.synthetic_queries import (
    attribute_queries,
    image_queries,
    logged_queries,
    title_queries,
)

anything = st.one_of(st.none(), st.text(max_size=12))


def products(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=c.PRODUCTS)


def shirt(
    key: str, colour: str, brand: str | None = None, category: str = "Clothes > Shirt"
) -> dict[str, Any]:
    attributes = [{"key": "colour", "value": colour}]
    return {c.PRODUCT_ID: key, c.CATEGORY: category, c.BRAND: brand, c.ATTRIBUTES: attributes}


def search(key: str, text: str | None) -> dict[str, Any]:
    return {c.QUERY_ID: key, c.QUERY_TEXT: text}


def event(query: str | None, product: str, action: str = "click", position: int | None = 1) -> dict[str, Any]:
    return {c.QUERY_ID: query, c.PRODUCT_ID: product, c.ACTION: action, c.POSITION: position}


def logged(searches: list[dict[str, Any]], events: list[dict[str, Any]], limit: int = 10) -> dict[str, Any]:
    found = logged_queries(
        pl.DataFrame(searches, schema=c.SEARCHES), pl.DataFrame(events, schema=c.EVENTS), limit=limit
    )
    return {one.text or "": dict(one.graded) for one in found}


def test_an_attribute_query_names_the_category_and_grades_by_what_fits() -> None:
    shop = products(
        shirt("1", "Red"), shirt("2", "red"), shirt("3", "Blue"), shirt("4", "Red", category="Hats")
    )
    found = {one.text: dict(one.graded) for one in attribute_queries(shop, limit=20, seed=1)}
    red = [graded for text, graded in found.items() if text and set(text.split()) == {"red", "shirt"}]
    assert red
    assert all(graded == {"1": 3.0, "2": 3.0, "3": 1.0} for graded in red)


def test_two_values_give_grade_two_to_half_a_match() -> None:
    shop = products(shirt("1", "Red", "Acme"), shirt("2", "Red", "Other"), shirt("3", "Blue", "Third"))
    both = [
        one
        for seed in range(20)
        for one in attribute_queries(shop, limit=9, seed=seed)
        if one.text and {"red", "acme"} <= set(one.text.split())
    ]
    assert both
    assert all(dict(one.graded) == {"1": 3.0, "2": 2.0, "3": 1.0} for one in both)


def test_a_product_without_category_asks_nothing() -> None:
    shop = products({c.PRODUCT_ID: "1", c.BRAND: "Acme", c.ATTRIBUTES: None})
    assert attribute_queries(shop, limit=5, seed=0) == []


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
                c.PRODUCT_ID: str(place),
                c.TITLE: title,
                c.CATEGORY: category,
                c.BRAND: brand,
                c.ATTRIBUTES: [{"key": "k", "value": value}],
            }
            for place, (title, category, brand, value) in enumerate(rows)
        )
    )
    for make in (attribute_queries, title_queries):
        found = make(shop, limit=limit, seed=seed)
        assert len(found) <= limit
        assert found == make(shop, limit=limit, seed=seed)
        assert len({one.query_id for one in found}) == len(found)
        assert all(3.0 in one.graded.values() for one in found)


def test_a_title_query_keeps_the_order_of_two_thirds_of_the_words_and_finds_twins() -> None:
    title = "soft green wool winter scarf long"
    shop = products(
        {c.PRODUCT_ID: "a", c.TITLE: title}, {c.PRODUCT_ID: "b", c.TITLE: title.upper()}, shirt("n", "x")
    )
    asked = {one.query_id: one for one in title_queries(shop, limit=9, seed=4)}
    assert set(asked) == {"title:a", "title:b"}
    words = (asked["title:a"].text or "").split()
    assert 4 <= len(words) <= 6
    assert words == [word for word in title.split() if word in words]
    assert dict(asked["title:a"].graded) == {"a": 3.0, "b": 3.0}


def test_a_picture_query_asks_for_its_own_product() -> None:
    found = image_queries(["a", "b", "c"], limit=2, seed=5)
    assert len(found) == 2
    assert all(one.text is None and dict(one.graded) == {one.image_of: 3.0} for one in found)
    assert image_queries([], limit=2, seed=5) == []


def test_equal_searches_of_the_log_are_added_up() -> None:
    asked = [search("1", "Red Shirt"), search("2", " red shirt ")]
    found = logged(asked, [event("1", "a"), event("2", "a"), event("1", "b")])
    assert found == {"red shirt": {"a": 3.0, "b": 2.0}}


def test_buying_says_more_than_clicking() -> None:
    # Weights 3, 2 and 1; grade 3 is above 0.66 of the best, grade 2 above 0.33.
    acted = [event("1", "bought", "purchase"), event("1", "carted", "add_to_cart"), event("1", "clicked")]
    assert logged([search("1", "x")], acted) == {"x": {"bought": 3.0, "carted": 3.0, "clicked": 2.0}}
    twice = [*acted, event("1", "bought", "purchase")]
    assert logged([search("1", "x")], twice) == {"x": {"bought": 3.0, "carted": 2.0, "clicked": 1.0}}


def test_a_click_far_down_counts_more_than_one_at_the_top() -> None:
    acted = [event("1", "top", position=1), event("1", "deep", position=15)]
    assert logged([search("1", "x")], acted) == {"x": {"deep": 3.0, "top": 1.0}}


def test_an_absurd_position_counts_no_more_than_the_last_one_and_an_unknown_one_like_the_first() -> None:
    far = [event("1", "a", position=50), event("1", "b", position=2**62), event("1", "c", position=None)]
    assert logged([search("1", "x")], far) == {"x": {"a": 3.0, "b": 3.0, "c": 1.0}}
    near = [event("1", "a", position=1), event("1", "b", position=-3), event("1", "c", position=None)]
    assert logged([search("1", "x")], near) == {"x": dict.fromkeys("abc", 3.0)}


def test_impressions_searches_without_words_and_events_without_a_search_teach_nothing() -> None:
    asked = [search("1", "x"), search("2", None)]
    acted = [event("1", "a", "impression"), event("2", "b"), event(None, "c"), event("unknown", "d")]
    assert logged(asked, acted) == {}


def test_no_more_logged_queries_than_asked_for() -> None:
    asked = [search(str(n), f"text {n}") for n in range(5)]
    events = [event(str(n), "a") for n in (0, 1, 2, 3, 4, 4, 4, 2)]
    assert list(logged(asked, events, limit=3)) == ["text 4", "text 2", "text 0"]
