"""Votes of past queries for products: from the log through its click model, and from judgments."""

from collections.abc import Iterable, Mapping

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.labels.click_grades import ATTRACTION, choose_click_model, clicked_products
from mmsearch_dagster.core.labels.log_queries import counted_reactions
from mmsearch_dagster.core.labels.relative_grades import REACTIONS, TEXT, WEIGHT
from mmsearch_dagster.core.labels.result_pages import GRADE_OF
from mmsearch_dagster.core.memories.query_memory import Votes, query_key

# Reading each as the engine does takes a millisecond or two.
MOST_TEXTS = 20_000
# Without a click model: so many clicks' worth of doubt about each product.
_DOUBT = 3.0


def texts_with_most_reactions(rows: pl.DataFrame, limit: int = MOST_TEXTS) -> list[str]:
    """The searches that a memory is made of, as their texts.

    Args:
        rows: of `log_queries.after_searches`.
        limit: how many at most.
    """
    counts = rows.filter(pl.col(col.ACTION).is_in(list(GRADE_OF))).group_by(TEXT).len(REACTIONS)
    return counts.sort(REACTIONS, TEXT, descending=[True, False])[TEXT].head(limit).to_list()


def keyed(rows: pl.DataFrame, words: Mapping[str, str]) -> pl.DataFrame:
    """The events after searches with the key of each search as its text; searches without one are left out.

    Args:
        rows: of `log_queries.after_searches`.
        words: text of a search -> the words that retrievers read instead.
    """
    keys = {text: query_key(searched) for text, searched in words.items()}
    key = pl.col(TEXT).replace_strict(keys, default="", return_dtype=pl.String)
    return rows.with_columns(key.alias(TEXT)).filter(pl.col(TEXT) != "")


def log_votes(rows: pl.DataFrame) -> Votes:
    """What people reacted to: how attractive each product is with its position taken out, at most 1.

    Args:
        rows: of `keyed`.
    """
    model = choose_click_model(rows)
    if model is None:
        shrunk = pl.col(WEIGHT) / (pl.col(WEIGHT) + _DOUBT)
        reacted = counted_reactions(rows).with_columns(shrunk.alias(ATTRACTION))
    else:
        reacted = clicked_products(rows, model)
    votes: dict[str, dict[str, float]] = {}
    for key, product, vote in reacted.select(TEXT, col.PRODUCT_ID, ATTRACTION).iter_rows():
        votes.setdefault(key, {})[product] = float(vote)
    return votes


def judged_votes(judged: Iterable[tuple[str, Mapping[str, int]]]) -> Votes:
    """What people judged: a product has as many votes as its grade, the highest where there are several.

    Args:
        judged: words of a query and its products with their grades.
    """
    votes: dict[str, dict[str, float]] = {}
    for text, grades in judged:
        of_key = votes.setdefault(query_key(text), {})
        for product, grade in grades.items():
            of_key[product] = max(of_key.get(product, 0.0), float(grade))
    return votes


def joined(*parts: Votes) -> Votes:
    """The votes of all parts together."""
    votes: dict[str, dict[str, float]] = {}
    for part in parts:
        for key, of_key in part.items():
            total = votes.setdefault(key, {})
            for product, value in of_key.items():
                total[product] = total.get(product, 0.0) + value
    return votes
