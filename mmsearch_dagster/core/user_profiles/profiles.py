"""One row per user: what their actions say, as of a moment. People are pseudonyms.

The state below the profiles is kept per user, product and kind of action, so it knows nothing of any model
and can be carried from day to day: state(day - 1) and the events of a day give state(day), equal to what
all events at once give (up to the last bits of a float). Decay is exponential, so ageing a sum is one
multiplication. A new model makes new profiles from the same state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.collaborative_filtering.interactions import (
    WEIGHT,
    FeedbackParams,
    age_days,
    decay,
    feedback,
)
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.modalities import Matrix

VECTOR = "vector"
FACTORS = "factors"
CATEGORIES = "categories"
SHARE = "share"
PRICE_MEAN = "price_mean"
PRICE_SPREAD = "price_spread"
RECENCY = "recency_days"
FREQUENCY = "frequency"
MONETARY = "monetary"
EVENTS = "events"
LAST_SEEN = "last_seen"
AS_OF = "as_of"

BROWSE, CART, PURCHASE, RATE = "browse", "cart", "purchase", "rate"
# action -> the group whose vectors are kept apart
GROUP_OF = {"view": BROWSE, "click": BROWSE, "add_to_cart": CART, "purchase": PURCHASE, "rate": RATE}
GROUPS = (BROWSE, CART, PURCHASE, RATE)

_GROUP = "group"
_UNPRICED = "unpriced"
_KEYS = (col.USER_ID, col.PRODUCT_ID, _GROUP)
_DAYS = 86_400e6

# weight: decayed to the state's `as_of`. value: sum of what purchases say they cost; unpriced: purchases
# that do not say it.
STATE = pl.Schema(
    {
        col.USER_ID: pl.String,
        col.PRODUCT_ID: pl.String,
        _GROUP: pl.String,
        WEIGHT: pl.Float64,
        EVENTS: pl.Int64,
        col.VALUE: pl.Float64,
        _UNPRICED: pl.Int64,
        LAST_SEEN: schemas.INSTANT,
    }
)


@dataclass(frozen=True)
class ProfileState:
    """rows: schema STATE, sorted by user, product and group. as_of: None before the first event."""

    rows: pl.DataFrame
    as_of: datetime | None


EMPTY = ProfileState(pl.DataFrame(schema=STATE), None)


def vector_of(group: str) -> str:
    """Column with the decayed fused vector of one group of actions."""
    return f"{VECTOR}_{group}"


def advance(
    state: ProfileState, events: pl.DataFrame, as_of: datetime, params: FeedbackParams = FeedbackParams()
) -> ProfileState:
    """Brings the state of profiles forward; events without a preference are left out.

    Args:
        state: the state before `events`.
        events: rows of the events table after the state.
        as_of: the moment of the new state.
        params: weight per action and half life.

    Returns:
        The state at `as_of`.

    Raises:
        MmsearchError: an event is after `as_of`, or `as_of` is before the state's moment.
    """
    if state.as_of is not None and as_of < state.as_of:
        raise MmsearchError(f"profiles of {state.as_of} cannot be taken back to {as_of}")
    weighted_events = feedback(events, params)
    last = weighted_events[col.TIMESTAMP].max()
    if isinstance(last, datetime) and last > as_of:
        raise MmsearchError(f"profiles as of {as_of} cannot hold an event of {last}")
    rows = pl.concat([_aged(state, as_of, params), _rows(weighted_events, as_of, params)])
    summed = (
        rows.sort(*_KEYS, LAST_SEEN, WEIGHT)
        .group_by(_KEYS, maintain_order=True)
        .agg(pl.col(WEIGHT, EVENTS, col.VALUE, _UNPRICED).sum(), pl.col(LAST_SEEN).max())
    )
    return ProfileState(summed.select(list(STATE)), as_of)


def _aged(state: ProfileState, as_of: datetime, params: FeedbackParams) -> pl.DataFrame:
    if state.as_of is None:
        return state.rows
    days = (as_of - state.as_of).total_seconds() / 86_400.0
    return state.rows.with_columns(pl.col(WEIGHT) * decay(pl.lit(days), params.half_life_days))


def _rows(weighted_events: pl.DataFrame, as_of: datetime, params: FeedbackParams) -> pl.DataFrame:
    bought = pl.col(col.ACTION) == PURCHASE
    return weighted_events.select(
        col.USER_ID,
        col.PRODUCT_ID,
        pl.col(col.ACTION).replace_strict(GROUP_OF, return_dtype=pl.String).alias(_GROUP),
        (pl.col(WEIGHT) * decay(age_days(pl.col(col.TIMESTAMP), as_of), params.half_life_days)).alias(WEIGHT),
        pl.lit(1, dtype=pl.Int64).alias(EVENTS),
        pl.when(bought).then(pl.col(col.VALUE)).fill_null(0.0).alias(col.VALUE),
        (bought & pl.col(col.VALUE).is_null()).cast(pl.Int64).alias(_UNPRICED),
        pl.col(col.TIMESTAMP).alias(LAST_SEEN),
    )


def profiles(
    state: ProfileState,
    products: pl.DataFrame,
    vectors: Mapping[str, Matrix],
    factors: Mapping[str, Matrix],
) -> pl.DataFrame:
    """One row per user of the state, sorted by `user_id`.

    vectors: product id -> fused vector [d]; factors: user id -> collaborative vector [k]. A user's vectors
    have unit length; they are null where nothing is known, and so are the factors of a cold user.
    categories: shares of the decayed weight, largest first. price_mean, price_spread: weighted mean and
    standard deviation of log(1 + price). frequency: purchases; monetary: what they cost, by the event's
    value, else by the product's price. recency_days: from the last event to `as_of`.
    """
    users = state.rows[col.USER_ID].unique().sort()
    priced = state.rows.join(
        products.select(col.PRODUCT_ID, col.CATEGORY, col.PRICE),
        on=col.PRODUCT_ID,
        how="left",
        maintain_order="left",
    )
    table = _behaviour(priced, state.as_of)
    for part in (_categories(priced), _prices(priced)):
        table = table.join(part, on=col.USER_ID, how="left", maintain_order="left")
    fused = _Fused(users, vectors)
    columns = [fused.column(VECTOR, state.rows)]
    columns += [
        fused.column(vector_of(group), state.rows.filter(pl.col(_GROUP) == group)) for group in GROUPS
    ]
    columns.append(_factor_column(users, factors))
    return table.with_columns(columns).select(_ORDER)


def _factor_column(users: pl.Series, factors: Mapping[str, Matrix]) -> pl.Series:
    matrix = np.zeros((len(users), len(next(iter(factors.values()), "1"))), np.float32)
    present = np.array([user in factors for user in users], dtype=bool)
    for row in np.flatnonzero(present):
        matrix[row] = factors[users[int(row)]]
    return _masked(FACTORS, matrix, present)


_ORDER = (
    col.USER_ID,
    VECTOR,
    *(vector_of(group) for group in GROUPS),
    FACTORS,
    CATEGORIES,
    *(PRICE_MEAN, PRICE_SPREAD, RECENCY, FREQUENCY, MONETARY, EVENTS, LAST_SEEN, AS_OF),
)


def _behaviour(rows: pl.DataFrame, as_of: datetime | None) -> pl.DataFrame:
    bought = pl.col(_GROUP) == PURCHASE
    cost = pl.col(col.VALUE) + pl.col(_UNPRICED) * pl.col(col.PRICE).fill_null(0.0)
    features = rows.group_by(col.USER_ID).agg(
        pl.col(EVENTS).filter(bought).sum().alias(FREQUENCY),
        cost.filter(bought).sum().alias(MONETARY),
        pl.col(EVENTS).sum(),
        pl.col(LAST_SEEN).max(),
        pl.lit(as_of, dtype=schemas.INSTANT).alias(AS_OF),
    )
    age = (pl.col(AS_OF) - pl.col(LAST_SEEN)).dt.total_microseconds() / _DAYS
    return features.with_columns(age.alias(RECENCY)).sort(col.USER_ID)


def _categories(rows: pl.DataFrame) -> pl.DataFrame:
    summed = (
        rows.filter(pl.col(col.CATEGORY).is_not_null())
        .group_by(col.USER_ID, col.CATEGORY, maintain_order=True)
        .agg(pl.col(WEIGHT).sum())
    )
    shares = summed.with_columns((pl.col(WEIGHT) / pl.col(WEIGHT).sum().over(col.USER_ID)).alias(SHARE))
    ordered = shares.sort(col.USER_ID, SHARE, col.CATEGORY, descending=[False, True, False])
    return ordered.group_by(col.USER_ID, maintain_order=True).agg(
        pl.struct(col.CATEGORY, SHARE).alias(CATEGORIES)
    )


def _prices(rows: pl.DataFrame) -> pl.DataFrame:
    priced = rows.filter(pl.col(col.PRICE).is_not_null()).with_columns(pl.col(col.PRICE).log1p())
    share = pl.col(WEIGHT) / pl.col(WEIGHT).sum()
    mean = (share * pl.col(col.PRICE)).sum()
    return priced.group_by(col.USER_ID, maintain_order=True).agg(
        mean.alias(PRICE_MEAN),
        (share * (pl.col(col.PRICE) - mean).pow(2)).sum().sqrt().alias(PRICE_SPREAD),
    )


class _Fused:
    """Decayed sums of the fused vectors of the items a user acted on, at unit length."""

    def __init__(self, users: pl.Series, vectors: Mapping[str, Matrix]) -> None:
        self._row_of_user = {user: row for row, user in enumerate(users)}
        self._items = {item: row for row, item in enumerate(vectors)}
        self._matrix = np.stack(list(vectors.values())) if vectors else np.zeros((0, 1), np.float32)

    def column(self, name: str, rows: pl.DataFrame) -> pl.Series:
        fused = rows.filter(pl.col(col.PRODUCT_ID).is_in(list(self._items)))
        users = [self._row_of_user[user] for user in fused[col.USER_ID]]
        items = [self._items[item] for item in fused[col.PRODUCT_ID]]
        shape = (len(self._row_of_user), len(self._items))
        weights = csr_matrix((fused[WEIGHT].to_numpy(), (users, items)), shape=shape)
        summed = np.asarray(weights @ self._matrix, dtype=np.float64)
        lengths = np.linalg.norm(summed, axis=1, keepdims=True)
        unit = np.divide(summed, lengths, out=np.zeros_like(summed), where=lengths > 0)
        return _masked(name, unit.astype(np.float32), lengths[:, 0] > 0)


def _masked(name: str, matrix: Matrix, present: NDArray[np.bool_]) -> pl.Series:
    values = pl.Series(matrix, dtype=pl.Array(pl.Float32, matrix.shape[1]))
    return pl.select(pl.when(pl.Series(present)).then(values).alias(name)).to_series()
