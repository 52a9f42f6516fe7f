"""Queries out of the behaviour log, graded by what people did after them, split by time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.labels.click_grades import choose_click_model, click_grades
from mmsearch_dagster.core.labels.click_models import ClickModelName
from mmsearch_dagster.core.labels.holdout import Part, part_of
from mmsearch_dagster.core.labels.provenance import LOG
from mmsearch_dagster.core.labels.relative_grades import REACTIONS, TEXT, WEIGHT, relative_grades
from mmsearch_dagster.core.labels.result_pages import GRADE_OF
from mmsearch_dagster.core.labels.synthetic_query import SyntheticQuery

NO_REACTIONS = "no search in the log is followed by a click or a purchase"
PLAIN = "clicks and purchases counted: the log has too few impressions with positions for a click model"
# Results further down are seen less: 1 / log2(rank + 1), the discount of DCG, stands for examination.
_LAST_POSITION = 50
# The last part of the log validates, what is before it trains.
_HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class GradedLog:
    """graded_by: how the grades came about, for people."""

    queries: tuple[SyntheticQuery, ...]
    graded_by: str


def grade_log(searches: pl.DataFrame, events: pl.DataFrame, *, limit: int) -> GradedLog:
    """What people typed, and the products that they clicked, put into the cart or bought then.

    A text is held out by its own hash, and then graded by the last fifth of the log alone; the others are
    graded by what was before. So the validation is about other queries and about a later time. The grades are
    those of a click model where the log has impressions with positions, else clicks and purchases count.

    Args:
        searches: rows of the searches table.
        events: rows of the events table.
        limit: how many queries of each part at most; those with the most reactions are kept.

    Returns:
        One query per different text.
    """
    rows = after_searches(searches, events)
    reactions = rows.filter(pl.col(col.ACTION).is_in(list(GRADE_OF)))
    if reactions.is_empty():
        return GradedLog((), NO_REACTIONS)
    later = pl.col(col.TIMESTAMP) >= begin_of_validation(reactions)
    before, after = rows.filter(~later), rows.filter(later)
    model = choose_click_model(before)
    queries = [
        *_of_part(grades_of(before, model), "train", limit),
        *_of_part(grades_of(after, model), "validation", limit),
    ]
    return GradedLog(tuple(queries), PLAIN if model is None else f"{model} click model")


def grades_of(rows: pl.DataFrame, model: ClickModelName | None) -> dict[str, dict[str, float]]:
    """Text -> product id -> grade by the events of a period; without a click model they are counted."""
    return plain_grades(rows) if model is None else click_grades(rows, model)


def _of_part(grades: Mapping[str, Mapping[str, float]], part: Part, limit: int) -> list[SyntheticQuery]:
    """The queries whose texts belong to the part; those that stop a training train here."""
    validates = part == "validation"
    texts = [text for text in grades if (part_of(text) == "validation") == validates][:limit]
    return [SyntheticQuery(f"logged:{text}", text, None, grades[text], LOG, part) for text in texts]


def after_searches(searches: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """The events after a search with words, and as `text` the words as one for equal searches."""
    text = pl.col(col.QUERY_TEXT).str.to_lowercase().str.strip_chars().alias(TEXT)
    return events.join(searches.select(col.QUERY_ID, text).drop_nulls(), on=col.QUERY_ID)


def begin_of_validation(reactions: pl.DataFrame, share: float = _HELD_OUT_SHARE) -> datetime:
    """When the last part of the log begins.

    Args:
        reactions: events, at least one.
        share: of them that come later.
    """
    moments = reactions[col.TIMESTAMP].sort()
    return moments[min(len(moments) - 1, int(len(moments) * (1 - share)))]


def plain_grades(rows: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Grades without a click model: a purchase says more than a click, and one further down more than one at
    the top, by the inverse of its chance of being seen.

    Args:
        rows: `text`, `product_id`, `action` and `position` of events after a search.

    Returns:
        Text -> product id -> grade 1 to 3, relative to the text's best product; texts with the most reactions
        first.
    """
    return relative_grades(counted_reactions(rows))


def counted_reactions(rows: pl.DataFrame) -> pl.DataFrame:
    """`weight` and number of the `reactions` to each product after each text; arguments of `plain_grades`."""
    position = pl.col(col.POSITION).fill_null(1).clip(1, _LAST_POSITION)
    weight = pl.col(col.ACTION).replace_strict(GRADE_OF) * (position + 1).log(2)
    reactions = rows.filter(pl.col(col.ACTION).is_in(list(GRADE_OF)))
    return reactions.group_by(TEXT, col.PRODUCT_ID).agg(
        weight.sum().round(6).alias(WEIGHT), pl.len().alias(REACTIONS)
    )
