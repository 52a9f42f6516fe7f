"""The log as training rows of the personal ranker: every shown product with what was known before its day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams
from mmsearch_dagster.core.labels.result_pages import LIST_ID
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.personalisation.catalogue import ratings_before
from mmsearch_dagster.core.personalisation.features import (
    Items,
    Pairs,
    People,
    Values,
    feature_matrix,
    hour_of_day,
)
from mmsearch_dagster.core.personalisation.people import PeopleState, states_at

QueryCosines = Callable[[pl.Series, NDArray[np.int64]], Mapping[str, Values]]


@dataclass(frozen=True)
class TrainingRows:
    """`n` shown products, row for row with the lists. people: float32 [n, d] (zeros: unknown); items: float32
    [n, d]; features: [n, f], not scaled; page, position, grade: int [n]."""

    people: Matrix
    items: Matrix
    features: Values
    page: NDArray[np.int64]
    position: NDArray[np.int64]
    grade: NDArray[np.int64]


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
    parts = [
        _day(shown, state, _items_at(day, state, items, reviews), rows, cosines)
        for (day, shown), state in zip(days, states, strict=True)
    ]
    width = items.vectors.shape[1]
    people = [part[0] for part in parts] or [np.zeros((0, width), np.float32)]
    values = [part[1] for part in parts]
    item = (
        numbered[col.PRODUCT_ID].replace_strict(rows, return_dtype=pl.Int64).to_numpy()
        if len(parts)
        else None
    )
    return TrainingRows(
        people=np.concatenate(people),
        items=items.vectors[item] if item is not None else np.zeros((0, width), np.float32),
        features=np.concatenate(values) if values else np.zeros((0, 0)),
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
) -> tuple[Matrix, Values]:
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
    return person_vectors(state.people, person), feature_matrix(
        pairs, state.people, items, list(items.blocks), ()
    )


def _items_at(day: datetime, state: PeopleState, items: Items, reviews: pl.DataFrame) -> Items:
    return replace(items, factors=state.factors, rating=ratings_before(items.ids, reviews, day))


def person_vectors(people: People, person: NDArray[np.int64]) -> Matrix:
    """Vectors [n, d] of the given rows, zeros for -1."""
    if not len(people):
        return np.zeros((len(person), people.vectors.shape[1]), dtype=np.float32)
    return np.where((person >= 0)[:, None], people.vectors[np.maximum(person, 0)], np.float32(0))


def after_the_log(events: pl.DataFrame) -> datetime | None:
    """The moment a release's profiles are of: just behind the last event; None without events."""
    last = events[col.TIMESTAMP].max()
    return last + timedelta(microseconds=1) if isinstance(last, datetime) else None
