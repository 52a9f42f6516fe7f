"""Groups of products (brand, category, long tail) whose exposure the gate compares."""

from collections.abc import Mapping

import polars as pl

from mmsearch_dagster.core.catalog import columns as col

BRAND, CATEGORY, POPULARITY = "brand", "category", "popularity"
HEAD, TAIL = "head", "long tail"
# Products that make this share of all interactions, the most popular first, are no long tail.
_HEAD_SHARE = 0.8


def groups_of_products(
    products: pl.DataFrame, interactions: pl.Series | None
) -> dict[str, dict[str, str | None]]:
    """Attribute -> product id -> its value, None where it has none.

    Args:
        products: the catalogue.
        interactions: product ids of the log, one per interaction; None where there is no log.

    Returns:
        `brand`, `category` (the first level), and where there is a log `popularity`.
    """
    groups = {
        BRAND: _values(products, pl.col(col.BRAND).str.strip_chars().str.to_lowercase()),
        CATEGORY: _values(products, pl.col(col.CATEGORY).str.split(col.CATEGORY_SEPARATOR).list.first()),
    }
    if interactions is not None and len(interactions):
        head = popular(dict(interactions.value_counts().iter_rows()))
        groups[POPULARITY] = {key: HEAD if key in head else TAIL for key in products[col.PRODUCT_ID]}
    return groups


def popular(counts: Mapping[str, int]) -> set[str]:
    """The most popular products that together make `_HEAD_SHARE` of all interactions.

    >>> sorted(popular({"a": 7, "b": 2, "c": 1}))
    ['a', 'b']
    """
    total, so_far, head = sum(counts.values()), 0, set[str]()
    for product, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        if so_far >= _HEAD_SHARE * total:
            break
        head.add(product)
        so_far += count
    return head


def _values(products: pl.DataFrame, value: pl.Expr) -> dict[str, str | None]:
    return dict(products.select(col.PRODUCT_ID, value).iter_rows())
