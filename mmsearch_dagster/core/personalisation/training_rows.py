"""The log as training rows of a person's ranker: every shown product with what was known before its day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams
from mmsearch_dagster.core.labels.result_pages import LIST_ID
from mmsearch_dagster.core.personalisation.catalogue import ratings_before
from mmsearch_dagster.core.personalisation.features import (
    Items,
    Pairs,
    Values,
    feature_matrix,
    feature_names,
    hour_of_day,
)
from mmsearch_dagster.core.personalisation.people_state import PeopleState, states_at
from mmsearch_dagster.core.ranking.training_set import TrainingSet

QueryCosines = Callable[[pl.Series, NDArray[np.int64]], Mapping[str, Values]]


@dataclass(frozen=True)
class TrainingRows:
    """`n` shown products, row for row with the lists. features: float32 [n, f], NaN where unknown; page
    (numbers that grow), position, grade: int [n]."""

    product_ids: tuple[str, ...]
    features: NDArray[np.float32]
    page: NDArray[np.int64]
    position: NDArray[np.int64]
    grade: NDArray[np.int64]

    def part(self, begin: int, end: int) -> "TrainingRows":
        """The rows from `begin` to before `end`."""
        rows = slice(begin, end)
        arrays = (self.features[rows], self.page[rows], self.position[rows], self.grade[rows])
        return TrainingRows(self.product_ids[rows], *arrays)

    def training_set(self) -> TrainingSet:
        """The same rows as rankers read them: a page is a query."""
        pages, sizes = np.unique(self.page, return_counts=True)
        ids = tuple(map(str, pages.tolist()))
        return TrainingSet(ids, sizes.astype(np.int64), self.product_ids, self.features, self.grade)


def training_rows(
    lists: pl.DataFrame,
    events: pl.DataFrame,
    products: pl.DataFrame,
    items: Items,
    *,
    feedback: FeedbackParams,
    cosines: QueryCosines,
    reviews: pl.DataFrame,
) -> TrainingRows:
    """What the ranker could have known of every row of `core.labels.result_pages.result_lists`.

    Profiles, popularity, collaborative factors and ratings are taken at midnight (UTC) before the page, from
    events and reviews before it: the day's own clicks, its label among them, are unseen. cosines: (query
    ids, product rows) -> modality -> cosine.
    """
    rows = {key: number for number, key in enumerate(items.ids)}
    listed = lists.filter(pl.col(col.PRODUCT_ID).is_in(list(items.ids)))
    numbered = listed.with_columns(pl.struct(LIST_ID, col.USER_ID).rle_id().alias("page"))
    days = _by_day(numbered)
    states = states_at(events, products, items, [day for day, _ in days], feedback)
    names = feature_names(list(items.blocks))
    parts = [
        _day(shown, state, _items_at(day, state, items, reviews), rows, cosines)
        for (day, shown), state in zip(days, states, strict=True)
    ]
    return TrainingRows(
        product_ids=tuple(numbered[col.PRODUCT_ID].to_list()),
        features=np.concatenate(parts or [np.zeros((0, len(names)))]).astype(np.float32),
        page=numbered["page"].to_numpy().astype(np.int64),
        position=numbered[col.POSITION].to_numpy().astype(np.int64),
        grade=numbered[col.GRADE].to_numpy().astype(np.int64),
    )


def _by_day(lists: pl.DataFrame) -> list[tuple[datetime, pl.DataFrame]]:
    """Rows stay sorted by time, so the days follow each other."""
    days = lists.with_columns(pl.col(col.TIMESTAMP).dt.truncate("1d").alias("day"))
    return [(day, part) for (day,), part in days.group_by("day", maintain_order=True)]  # type: ignore[misc]


def _day(
    shown: pl.DataFrame, state: PeopleState, items: Items, rows: Mapping[str, int], cosines: QueryCosines
) -> Values:
    row_of = {user: row for row, user in enumerate(state.ids)}
    person = np.array([row_of.get(user, -1) for user in shown[col.USER_ID]], dtype=np.int64)
    item = np.array([rows[product] for product in shown[col.PRODUCT_ID]], dtype=np.int64)
    moment = shown[col.TIMESTAMP].dt.epoch("us").to_numpy() / 1e6
    pairs = Pairs(
        person=person,
        item=item,
        popularity=state.popularity[item],
        order=shown[col.POSITION].to_numpy().astype(np.float64),
        moment=moment,
        hour=hour_of_day(moment),
        query=cosines(shown[col.QUERY_ID], item),
    )
    return feature_matrix(pairs, state.people, items, feature_names(list(items.blocks)))


def _items_at(day: datetime, state: PeopleState, items: Items, reviews: pl.DataFrame) -> Items:
    return replace(items, factors=state.factors, rating=ratings_before(items.ids, reviews, day))


def after_the_log(events: pl.DataFrame) -> datetime | None:
    """The moment a release's profiles are of: just behind the last event; None without events."""
    last = events[col.TIMESTAMP].max()
    return last + timedelta(microseconds=1) if isinstance(last, datetime) else None
