"""Grades of products from the result pages of a log, through a click model."""

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.labels.click_models import (
    ClickModel,
    ClickModelName,
    ResultPages,
    fit_cascade,
    fit_position_based,
)
from mmsearch_dagster.core.labels.relative_grades import REACTIONS, TEXT, WEIGHT, relative_grades
from mmsearch_dagster.core.labels.result_pages import LIST_ID, result_lists

_FIT: Mapping[ClickModelName, Callable[[ResultPages], ClickModel]] = {
    "position-based": fit_position_based,
    "cascade": fit_cascade,
}
# Fewer than these do not show what a position does to clicks.
_FEWEST_PAGES, _FEWEST_CLICKS = 100, 50
# What stands deeper on a page is left out.
_DEPTH = 50
_EARLIER_SHARE = 0.8
_PAGE, _PAIR = "page", "pair"
ATTRACTION = "attraction"


def choose_click_model(rows: pl.DataFrame) -> ClickModelName | None:
    """The model that foresees the last fifth of the pages best, fitted on those before.

    Args:
        rows: events after a search, with the search's words as `text`.

    Returns:
        Its name; None where there are too few impressions with positions, or clicks on them.
    """
    shown = _shown(rows)
    if shown[_PAGE].n_unique() < _FEWEST_PAGES or (shown[col.GRADE] > 0).sum() < _FEWEST_CLICKS:
        return None
    earlier = pl.col(_PAGE) < shown[_PAGE].n_unique() * _EARLIER_SHARE
    before, after = _pages(shown.filter(earlier), shown), _pages(shown.filter(~earlier), shown)
    return max(_FIT, key=lambda name: _FIT[name](before).log_likelihood(after))


def click_grades(rows: pl.DataFrame, model: ClickModelName) -> dict[str, dict[str, float]]:
    """Grades of the products that were clicked: their attraction, times what people did with them.

    Args:
        rows: events after a search, with the search's words as `text`.
        model: the click model to fit.

    Returns:
        Text -> product id -> grade 1 to 3, relative to the text's best product; texts with the most reactions
        first.
    """
    clicked = clicked_products(rows, model)
    weight = (pl.col(col.GRADE) * pl.col(ATTRACTION)).round(6).alias(WEIGHT)
    return relative_grades(clicked.select(TEXT, col.PRODUCT_ID, weight, REACTIONS))


def clicked_products(rows: pl.DataFrame, model: ClickModelName) -> pl.DataFrame:
    """The products that were clicked after each text.

    Args:
        rows: events after a search, with the search's words as `text`.
        model: the click model to fit.

    Returns:
        A row per text and product: `attraction` by the model, mean `grade` of what was done, `reactions`.
    """
    shown = _shown(rows)
    if shown.is_empty():
        names, numbers = (TEXT, col.PRODUCT_ID), (col.GRADE, ATTRACTION, REACTIONS)
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String) | dict.fromkeys(numbers, pl.Float64))
    attraction = _FIT[model](_pages(shown, shown)).attraction
    reacted = shown.with_columns(pl.Series(ATTRACTION, attraction[shown[_PAIR].to_numpy()])).filter(
        pl.col(col.GRADE) > 0
    )
    return reacted.group_by(TEXT, col.PRODUCT_ID).agg(
        pl.col(col.GRADE).mean(), pl.col(ATTRACTION).first(), pl.len().alias(REACTIONS)
    )


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    """What was shown on the pages of searches: `result_lists`, with `text`, and pages and pairs numbered.

    Pages are numbered in the order of their time.
    """
    texts = rows.select(col.QUERY_ID, TEXT).unique(col.QUERY_ID, maintain_order=True)
    lists = result_lists(rows).filter(pl.col(col.POSITION) < _DEPTH).join(texts, on=col.QUERY_ID)
    page, pair = pl.struct(LIST_ID, col.USER_ID), pl.struct(TEXT, col.PRODUCT_ID)
    return lists.sort(col.TIMESTAMP, LIST_ID, col.USER_ID, col.POSITION).with_columns(
        (page.rle_id()).cast(pl.Int64).alias(_PAGE), (pair.rank("dense") - 1).cast(pl.Int64).alias(_PAIR)
    )


def _pages(part: pl.DataFrame, shown: pl.DataFrame) -> ResultPages:
    """Some of the pages as matrices. shown: all of them, which number the pairs."""
    rows = part[_PAGE].to_numpy() - int(part[_PAGE].min() or 0)  # type: ignore[arg-type]
    columns = part[col.POSITION].to_numpy()
    depth = int(shown[col.POSITION].max() or 0) + 1  # type: ignore[arg-type]
    pairs = np.full((rows.max() + 1, depth), -1, dtype=np.int64)
    clicked = np.zeros(pairs.shape, dtype=np.bool_)
    pairs[rows, columns] = part[_PAIR].to_numpy()
    clicked[rows, columns] = (part[col.GRADE] > 0).to_numpy()
    return ResultPages(pairs, clicked, shown[_PAIR].n_unique())
