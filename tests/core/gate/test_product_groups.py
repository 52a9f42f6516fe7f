"""Groups of products by attribute."""

import polars as pl

from mmsearch_dagster.core.gate.product_groups import groups_of_products

PRODUCTS = pl.DataFrame(
    {
        "product_id": ["P1", "P2", "P3"],
        "category": ["Shoes > Boots", "Shoes", None],
        "brand": ["Acme", " acme", None],
    }
)


def test_brands_are_compared_without_case_and_categories_by_their_first_level() -> None:
    assert groups_of_products(PRODUCTS, None) == {
        "brand": {"P1": "acme", "P2": "acme", "P3": None},
        "category": {"P1": "Shoes", "P2": "Shoes", "P3": None},
    }


def test_the_log_says_what_is_popular() -> None:
    groups = groups_of_products(PRODUCTS, pl.Series(["P1"] * 9 + ["P2"]))
    assert groups["popularity"] == {"P1": "head", "P2": "long tail", "P3": "long tail"}
