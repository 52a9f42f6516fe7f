"""Implicit feedback: events as weights, weights as a sparse matrix of users and items.

Letters: `u` users, `n` items. Ids are sorted, so the order of the events changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_matrix

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas

WEIGHT = "weight"
_DAY = 86_400.0


class FeedbackParams(BaseModel):
    """How strong a preference each action expresses.

    A weight of 0 leaves the action out. rate: weight of a rating of `min_rating` or better; a lower one
        says nothing. half_life_days: after so many days an event counts half; None: it never ages.
    binary: each pair of user and item counts 1, however often and whenever it occurred.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    view: float = Field(default=1.0, ge=0)
    click: float = Field(default=1.0, ge=0)
    add_to_cart: float = Field(default=3.0, ge=0)
    purchase: float = Field(default=5.0, ge=0)
    rate: float = Field(default=3.0, ge=0)
    min_rating: float = 4.0
    half_life_days: float | None = Field(default=30.0, gt=0)
    binary: bool = False

    def of_action(self) -> dict[str, float]:
        """Action -> weight, the actions that count."""
        fields = self.model_dump()
        return {name: fields[name] for name in col.ACTIONS if fields.get(name, 0.0) > 0}


@dataclass(frozen=True)
class Interactions:
    """matrix: float32 [u, n], rows are `users`, columns are `items`, both sorted."""

    users: tuple[str, ...]
    items: tuple[str, ...]
    matrix: csr_matrix

    def rows_of(self, users: tuple[str, ...]) -> csr_matrix:
        """The rows of the given users; one without interactions is an empty row."""
        row_of = {user: row for row, user in enumerate(self.users)}
        pairs = [(row, row_of[user]) for row, user in enumerate(users) if user in row_of]
        picker = csr_matrix(
            (np.ones(len(pairs), np.float32), ([a for a, _ in pairs], [b for _, b in pairs])),
            shape=(len(users), len(self.users)),
        )
        return csr_matrix(picker @ self.matrix)


def decay(age_days: pl.Expr, half_life_days: float | None) -> pl.Expr:
    """0.5 ^ (age / half life): 1 for what happens now, never more.

    Args:
        age_days: days since the event; negative ages count as 0.
        half_life_days: days after which an event counts half; None: no decay.

    Returns:
        An expression with values in (0, 1].
    """
    if half_life_days is None:
        return pl.lit(1.0)
    return pl.lit(0.5) ** (age_days.clip(lower_bound=0.0) / half_life_days)


def age_days(at: pl.Expr, as_of: datetime) -> pl.Expr:
    """Days from `at` to `as_of`, fractions included."""
    return (pl.lit(as_of, dtype=schemas.INSTANT) - at).dt.total_microseconds() / (_DAY * 1e6)


def feedback(events: pl.DataFrame, params: FeedbackParams) -> pl.DataFrame:
    """The events that express a preference.

    Args:
        events: rows of the events table.
        params: weight per action, and the lowest rating that counts as positive.

    Returns:
        Those events with `weight` above 0, before decay.
    """
    weights = params.of_action()
    weight = pl.col(col.ACTION).replace_strict(weights, default=0.0, return_dtype=pl.Float64)
    disliked = pl.col(col.VALUE).fill_null(params.min_rating) < params.min_rating
    too_low = (pl.col(col.ACTION) == "rate") & disliked
    usable = pl.all_horizontal(pl.col(col.USER_ID, col.PRODUCT_ID, col.TIMESTAMP).is_not_null())
    weighted = events.filter(usable).with_columns(pl.when(~too_low).then(weight).otherwise(0.0).alias(WEIGHT))
    return weighted.filter(pl.col(WEIGHT) > 0)


def weighted_pairs(events: pl.DataFrame, params: FeedbackParams, as_of: datetime) -> pl.DataFrame:
    """Sums the decayed weights of each user and product.

    Args:
        events: rows of the events table.
        params: weights and half life.
        as_of: the moment to which ages are counted; later events are not decayed.

    Returns:
        One row per pair: `user_id`, `product_id`, `weight`, sorted by both ids.
    """
    aged = feedback(events, params).with_columns(
        pl.col(WEIGHT) * decay(age_days(pl.col(col.TIMESTAMP), as_of), params.half_life_days)
    )
    # Sorted first: the sum of floats depends on their order.
    pairs = (
        aged.sort(col.USER_ID, col.PRODUCT_ID, col.TIMESTAMP, WEIGHT)
        .group_by(col.USER_ID, col.PRODUCT_ID, maintain_order=True)
        .agg(pl.col(WEIGHT).sum())
    )
    return pairs.with_columns(pl.lit(1.0).alias(WEIGHT)) if params.binary else pairs


def to_matrix(pairs: pl.DataFrame) -> Interactions:
    """Arranges pairs as a sparse matrix.

    Args:
        pairs: what `weigh` returns.

    Returns:
        The matrix [users, items], both sorted by id.
    """
    users = pairs[col.USER_ID].unique().sort()
    items = pairs[col.PRODUCT_ID].unique().sort()
    rows, columns = (
        pairs[name].cast(pl.Enum(ids)).to_physical().to_numpy() if len(ids) else np.zeros(0, np.int64)
        for name, ids in ((col.USER_ID, users), (col.PRODUCT_ID, items))
    )
    values = pairs[WEIGHT].to_numpy().astype(np.float32)
    matrix = csr_matrix((values, (rows, columns)), shape=(len(users), len(items)))
    matrix.eliminate_zeros()
    return Interactions(tuple(users.to_list()), tuple(items.to_list()), matrix)


def interactions_of(events: pl.DataFrame, params: FeedbackParams) -> Interactions:
    """The matrix of events, decayed to the last of them.

    Args:
        events: rows of the events table.
        params: weights and half life.

    Returns:
        The matrix [users, items], both sorted by id.
    """
    rows = feedback(events, params)
    last = rows[col.TIMESTAMP].max()
    return to_matrix(weighted_pairs(rows, params, last if isinstance(last, datetime) else datetime.min))
