"""Reviews as queries."""

from typing import Any

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.labels.holdout import Part, product_part
from mmsearch_dagster.core.labels.review_queries import review_queries
from mmsearch_dagster.core.labels.synthetic_query import SyntheticQuery

ALL: dict[Part, int] = {"train": 1000, "dev": 1000, "validation": 1000}


def made(
    titles: dict[str, str | None], *reviews: tuple[str, str | None], limits: dict[Part, int] | None = None
) -> list[SyntheticQuery]:
    products = pl.DataFrame(
        [{col.PRODUCT_ID: key, col.TITLE: title} for key, title in titles.items()],
        schema=schemas.PRODUCTS,
    )
    rows: list[dict[str, Any]] = [
        {col.REVIEW_ID: str(n), col.PRODUCT_ID: key, col.TEXT: text} for n, (key, text) in enumerate(reviews)
    ]
    return review_queries(pl.DataFrame(rows, schema=schemas.REVIEWS), products, limits=limits or ALL)


def test_the_longest_short_sentence_asks_without_the_titles_words() -> None:
    text = "Great. This kettle boils water in two minutes flat! Love it."
    query = made({"k": "Steel Kettle"}, ("k", text))[0]
    assert query.text == "this boils water in two minutes flat"
    assert (dict(query.graded), query.provenance) == ({"k": 3.0}, "review")


def test_chinese_sentences_lose_the_titles_characters() -> None:
    assert made({"k": "电水壶"}, ("k", "这个水壶两分钟就烧开了。好！"))[0].text == "这个两分钟就烧开了"


def test_sentences_that_are_too_short_or_too_long_and_reviews_without_words_ask_nothing() -> None:
    long = " ".join(f"word{n}" for n in range(17))
    assert (
        made(
            {"k": "Kettle"}, ("k", "Very good."), ("k", None), ("k", long), ("unknown", "one two three four")
        )
        == []
    )


def test_a_sentence_about_many_products_asks_nothing_and_about_few_asks_for_all_of_them() -> None:
    text = "arrived quickly and well packed"
    same = dict.fromkeys("abcd", "One title")
    assert dict(made(same, ("a", text), ("b", text))[0].graded) == {"a": 3.0, "b": 3.0}
    assert made(same, *((key, text) for key in same)) == []


def test_queries_are_held_out_by_product_and_kept_within_the_limits() -> None:
    titles: dict[str, str | None] = {str(n): f"thing {n}" for n in range(80)}
    reviews = [(key, f"my neighbour told me about gadget{key}") for key in titles]
    queries = made(titles, *reviews)
    assert {query.part for query in queries} == {"train", "dev", "validation"}
    for query in queries:
        (product,) = query.graded
        assert query.part == product_part(product, titles[product])
    few = made(titles, *reviews, limits={"train": 5, "dev": 1, "validation": 2})
    assert [sum(query.part == part for query in few) for part in ALL] == [5, 1, 2]


def test_one_product_less_changes_no_query_of_the_others() -> None:
    titles: dict[str, str | None] = {str(n): f"thing {n}" for n in range(40)}
    reviews = [(key, f"my neighbour told me about gadget{key}") for key in titles]
    whole = {query.text: query for query in made(titles, *reviews)}
    for gone in ("3", "17"):
        less = {query.text: query for query in made({k: t for k, t in titles.items() if k != gone}, *reviews)}
        assert less == {text: query for text, query in whole.items() if gone not in query.graded}
