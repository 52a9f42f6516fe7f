"""Reviewed queries as a person writes them."""

import pytest

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.gate.golden_queries import GoldenQuery, parse_reviewed_queries
from mmsearch_dagster.core.retrieval.filters.language import to_where


def test_a_query_names_products_or_a_condition() -> None:
    text = """
catalogue: shop
queries:
  - {text: red mug, products: [p1, p2], why: the one on the front page}
  - {text: mugs, where: 'category ~ "Mugs"', within: 3}
"""
    parsed = parse_reviewed_queries(text, "shop.yaml")
    assert parsed.catalogue == "shop"
    by_id, by_condition = (GoldenQuery.of(query) for query in parsed.queries)
    assert by_id == GoldenQuery("red mug", frozenset({"p1", "p2"}), text="red mug", within=10)
    assert by_condition == GoldenQuery("mugs", where=to_where('category ~ "Mugs"'), text="mugs", within=3)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{text: mug}", "query 'mug' needs either products or where"),
        ("{text: mug, products: [p1], where: in_stock}", "needs either products or where"),
        ("{text: mug, where: 'price <'}", r"golden queries shop.yaml.*query 'mug'"),
        ("{text: '', products: [p1]}", "text"),
        ("{text: mug, products: [p1], witin: 3}", "did you mean 'within'"),
        ("{text: mug, products: [p1], within: 0}", "within"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_file_and_the_query(query: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_reviewed_queries(f"catalogue: shop\nqueries: [{query}]", "shop.yaml")
