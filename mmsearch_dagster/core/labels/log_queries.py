"""Queries out of the behaviour log, graded by what people did after them, split by time."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.labels.holdout import part_of
from mmsearch_dagster.core.labels.provenance import LOG
from mmsearch_dagster.core.labels.synthetic_query import SyntheticQuery

Grades = Mapping[str, Mapping[str, float]]

TEXT = "text"
_ACTION_GRADES = {"click": 1.0, "view": 1.0, "add_to_cart": 2.0, "purchase": 3.0}
# Results further down are seen less: 1 / log2(rank + 1), the discount of DCG, stands for examination.
_LAST_POSITION = 50
# The last part of the log validates, what is before it trains.
_HELD_OUT_SHARE = 0.2


def log_queries(searches: pl.DataFrame, events: pl.DataFrame, *, limit: int) -> list[SyntheticQuery]:
    """What people typed and what they then clicked, put into the cart or bought, summed over equal searches.

    A text is held out by its own hash, and then graded by the last fifth of the log alone; the others are
    graded by what was before. So the validation is about other queries and about a later time.

    Args:
        searches: rows of the searches table.
        events: rows of the events table.
        limit: how many queries of each part at most; those with the most reactions are kept.

    Returns:
        One query per different text.
    """
    rows = _reactions(searches, events)
    if rows.is_empty():
        return []
    held_out = pl.col(TEXT).is_in([text for text in rows[TEXT].unique() if part_of(text) == "validation"])
    later = pl.col(c.TIMESTAMP) >= _begin_of_validation(rows)
    train, validation = rows.filter(~held_out & ~later), rows.filter(held_out & later)
    return [
        *(
            SyntheticQuery(f"logged:{text}", text, None, graded, LOG, "train")
            for text, graded in list(plain_grades(train).items())[:limit]
        ),
        *(
            SyntheticQuery(f"logged:{text}", text, None, graded, LOG, "validation")
            for text, graded in list(plain_grades(validation).items())[:limit]
        ),
    ]


def _reactions(searches: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """The events after a search with words, and the words as one text for equal searches."""
    acted = events.filter(pl.col(c.ACTION).is_in(list(_ACTION_GRADES)) & pl.col(c.QUERY_ID).is_not_null())
    text = pl.col(c.QUERY_TEXT).str.to_lowercase().str.strip_chars().alias(TEXT)
    return acted.join(searches.select(c.QUERY_ID, text).drop_nulls(), on=c.QUERY_ID)


def _begin_of_validation(rows: pl.DataFrame) -> datetime:
    moments = rows[c.TIMESTAMP].sort()
    return moments[min(len(moments) - 1, int(len(moments) * (1 - _HELD_OUT_SHARE)))]


def plain_grades(reactions: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Grades without a click model: a purchase says more than a click, and one further down more than one at
    the top, by the inverse of its chance of being seen.

    Args:
        reactions: `text`, `product_id`, `action` and `position` of events after a search.

    Returns:
        Text -> product id -> grade 1 to 3, relative to the text's best product; texts with the most reactions
        first.
    """
    position = pl.col(c.POSITION).fill_null(1).clip(1, _LAST_POSITION)
    summed = (
        reactions.with_columns(
            weight=pl.col(c.ACTION).replace_strict(_ACTION_GRADES) * (position + 1).log(2),
        )
        .group_by(TEXT, c.PRODUCT_ID)
        .agg(pl.col("weight").sum().round(6), reactions=pl.len())
        .with_columns(
            share=pl.col("weight") / pl.col("weight").max().over(TEXT),
            reactions=pl.col("reactions").sum().over(TEXT),
        )
        .sort("reactions", TEXT, c.PRODUCT_ID, descending=[True, False, False])
    )
    grades: dict[str, dict[str, float]] = {}
    for text, product, share in summed.select(TEXT, c.PRODUCT_ID, "share").iter_rows():
        grades.setdefault(text, {})[product] = grade_of_share(share)
    return grades


def grade_of_share(share: float) -> float:
    """Grade 1 to 3 of a product whose weight is this share of the best one's."""
    return 3.0 if share > 0.66 else 2.0 if share > 0.33 else 1.0
