"""Grades of products relative to the best one of their query."""

import polars as pl

from mmsearch_dagster.core.catalog import columns as col

TEXT, WEIGHT, REACTIONS = "text", "weight", "reactions"


def relative_grades(weighted: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Grade 3 above two thirds of the best weight, 2 above one third, else 1.

    Args:
        weighted: one row per text and product, with `weight` and the number of `reactions` behind it.

    Returns:
        Text -> product id -> grade; texts with the most reactions first.
    """
    shares = weighted.with_columns(
        share=pl.col(WEIGHT) / pl.col(WEIGHT).max().over(TEXT), total=pl.col(REACTIONS).sum().over(TEXT)
    ).sort("total", TEXT, col.PRODUCT_ID, descending=[True, False, False])
    grades: dict[str, dict[str, float]] = {}
    for text, product, share in shares.select(TEXT, col.PRODUCT_ID, "share").iter_rows():
        grades.setdefault(text, {})[product] = 3.0 if share > 0.66 else 2.0 if share > 0.33 else 1.0
    return grades
