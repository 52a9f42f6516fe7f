"""Result pages of the log: what was shown where, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from mmsearch_dagster.core.catalog.columns import (
    ACTION,
    GRADE,
    POSITION,
    PRODUCT_ID,
    QUERY_ID,
    SESSION_ID,
    TIMESTAMP,
    USER_ID,
)

LIST_ID = "list_id"
# What a person did with a shown product, as a grade like those of judgments.
GRADE_OF = {"click": 1, "view": 1, "add_to_cart": 2, "purchase": 3}
_SHOWN = "impression"
_AFTER = tuple(GRADE_OF)


@dataclass(frozen=True)
class PeriodSplit:
    """Lists parted by global time: everything in `test` happened after everything in `validation`, and so on.

    Each frame has the columns of `result_lists`. `begins_test` is the first moment of the test period.
    """

    train: pl.DataFrame
    validation: pl.DataFrame
    test: pl.DataFrame
    begins_validation: datetime | None
    begins_test: datetime | None


def result_lists(events: pl.DataFrame) -> pl.DataFrame:
    """One row per product shown on a result page: `list_id`, `query_id`, `user_id`, `session_id`,
    `timestamp` (of the page), `product_id`, `position` (from 0), `grade` (0 nothing, 1 click or view,
    2 cart, 3 purchase).

    A page is a query id, or a session where the shop logs none, shown to one user. Impressions without a
    position are left out: their chance of being seen is unknown. A product shown twice on a page counts
    where it came first. Rows are sorted by page time, page, position.
    """
    named = events.with_columns(pl.coalesce(QUERY_ID, SESSION_ID).alias(LIST_ID)).drop_nulls(LIST_ID)
    page = [LIST_ID, USER_ID]
    shown = (
        named.filter((pl.col(ACTION) == _SHOWN) & (pl.col(POSITION) >= 0))
        .sort(*page, POSITION, PRODUCT_ID)
        .unique([*page, PRODUCT_ID], keep="first", maintain_order=True)
        .with_columns(pl.col(TIMESTAMP).min().over(page), pl.col(POSITION) - pl.col(POSITION).min())
    )
    grade = pl.col(ACTION).replace_strict(GRADE_OF, default=0, return_dtype=pl.Int64).max()
    done = named.filter(pl.col(ACTION).is_in(_AFTER)).group_by(*page, PRODUCT_ID).agg(grade.alias(GRADE))
    return (
        shown.join(done, on=[*page, PRODUCT_ID], how="left", maintain_order="left")
        .with_columns(pl.col(GRADE).fill_null(0))
        .select(LIST_ID, QUERY_ID, USER_ID, SESSION_ID, TIMESTAMP, PRODUCT_ID, POSITION, GRADE)
        .sort(TIMESTAMP, LIST_ID, USER_ID, POSITION)
    )


def split_by_time(lists: pl.DataFrame, *, validation: float = 0.1, test: float = 0.2) -> PeriodSplit:
    """The last `test` share of the pages, the `validation` share before them, and the rest for training.

    Parted at moments, never at random; pages of one moment stay together.
    """
    moments = lists.group_by(LIST_ID, USER_ID).agg(pl.col(TIMESTAMP).first())[TIMESTAMP].sort()
    if moments.is_empty():
        return PeriodSplit(lists, lists, lists, None, None)
    count = len(moments)
    begins_test = moments[min(count - 1, round(count * (1 - test)))]
    begins_validation = moments[min(count - 1, round(count * (1 - test - validation)))]
    when = pl.col(TIMESTAMP)
    return PeriodSplit(
        train=lists.filter(when < begins_validation),
        validation=lists.filter((when >= begins_validation) & (when < begins_test)),
        test=lists.filter(when >= begins_test),
        begins_validation=begins_validation,
        begins_test=begins_test,
    )
