"""Counts of people and products in the log up to one moment, for the personal ranker's features."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.collaborative_filtering.factors import Factors
from mmsearch_dagster.core.collaborative_filtering.interactions import WEIGHT, FeedbackParams, to_matrix
from mmsearch_dagster.core.collaborative_filtering.models import ModelParams, factorise
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.personalisation.features import Items, People, Values
from mmsearch_dagster.core.user_profiles import profiles as shoppers

# Closed form, so that fitting it again for every day of the log costs milliseconds.
FACTORS = ModelParams(kind="ease-svd")


@dataclass(frozen=True)
class PeopleState:
    """ids of people and what is known of them, row for row; popularity: decayed weight of everybody's
    events per product
    [i]; factors: collaborative vectors of the products [i, k]; profiles: the rows behind `people`."""

    ids: tuple[str, ...]
    people: People
    popularity: Values
    factors: Matrix
    profiles: pl.DataFrame


def states_at(
    events: pl.DataFrame,
    products: pl.DataFrame,
    items: Items,
    moments: Sequence[datetime],
    params: FeedbackParams,
) -> Iterator[PeopleState]:
    """The state of people before each of some moments.

    Profiles are those of core.user_profiles, carried from moment to moment; their vectors are sums of the
    vectors of `items`; collaborative factors are fitted to the events before each moment.

    Args:
        events: rows of the events table.
        products: rows of the products table.
        items: the products as the ranker reads them.
        moments: ascending.
        params: weight per action and half life.

    Yields:
        One state per moment.
    """
    state, begun = shoppers.EMPTY, None
    listed_events = events.filter(pl.col(col.PRODUCT_ID).is_in(list(items.ids)))
    vectors = {key: items.vectors[row] for row, key in enumerate(items.ids)}
    when = pl.col(col.TIMESTAMP)
    for moment in moments:
        since = when < moment if begun is None else (when >= begun) & (when < moment)
        state, begun = shoppers.advance(state, listed_events.filter(since), moment, params), moment
        summed = (
            state.rows.group_by(col.USER_ID, col.PRODUCT_ID, maintain_order=True)
            .agg(pl.col(WEIGHT).sum())
            .filter(pl.col(WEIGHT) > 0)
        )
        matrix = to_matrix(summed)
        learned = factorise(matrix, FACTORS)
        users = dict(zip(learned.user_ids, learned.users, strict=True))
        frame = shoppers.profiles(state, products, vectors, users)
        rows = _row_numbers(matrix.items, items.ids)
        popularity = np.zeros(len(items))
        popularity[rows] = np.asarray(capped_per_person(matrix.matrix, params).sum(axis=0)).ravel()
        yield PeopleState(
            ids=tuple(frame[col.USER_ID].to_list()),
            people=people_of(frame, items.vectors.shape[1]),
            popularity=popularity,
            factors=_item_factors(learned, items),
            profiles=frame,
        )


def capped_per_person(weights: csr_matrix, params: FeedbackParams) -> csr_matrix:
    """Weights of which one person gives a product at most that of the heaviest action.

    So a crawler makes nothing popular.

    Args:
        weights: interactions [u, n].
        params: weight per action.

    Returns:
        The same pairs [u, n].
    """
    capped = weights.copy()
    capped.data = np.minimum(capped.data, max(params.of_action().values(), default=1.0))
    return capped


def people_of(profiles: pl.DataFrame, width: int) -> People:
    """Profiles as the ranker reads them.

    Args:
        profiles: rows of core.user_profiles.profiles.
        width: of the vectors; a person without one has zeros.

    Returns:
        The people, row for row.
    """
    prices = profiles.select(shoppers.PRICE_MEAN, shoppers.PRICE_SPREAD)
    visits = profiles.select(pl.col(shoppers.EVENTS, shoppers.RECENCY).cast(pl.Float64))
    shares = [
        {share[col.CATEGORY]: share[shoppers.SHARE] for share in row or []}
        for row in profiles[shoppers.CATEGORIES].to_list()
    ]
    return People(
        vectors=_matrix(profiles[shoppers.VECTOR], width),
        factors=_matrix(profiles[shoppers.FACTORS]),
        categories=tuple(shares),
        prices=prices.select(pl.all().cast(pl.Float64).fill_null(float("nan"))).to_numpy(),
        visits=visits.to_numpy(),
    )


def _matrix(column: pl.Series, width: int | None = None) -> Matrix:
    """An array column as float32 [n, width], null rows as zeros."""
    stored = column.dtype.shape[0] if isinstance(column.dtype, pl.Array) else 1
    matrix = np.zeros((len(column), width or stored), dtype=np.float32)
    present = column.is_not_null().to_numpy()
    if present.any():
        matrix[present] = column.drop_nulls().to_numpy()
    return matrix


def _item_factors(learned: Factors, items: Items) -> Matrix:
    factors = np.zeros((len(items), learned.items.shape[1]), dtype=np.float32)
    factors[_row_numbers(learned.item_ids, items.ids)] = learned.items
    return factors


def _row_numbers(ids: Sequence[str], all_ids: Sequence[str]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    row: Mapping[str, int] = {key: position for position, key in enumerate(all_ids)}
    return np.array([row[key] for key in ids], dtype=np.int64)
