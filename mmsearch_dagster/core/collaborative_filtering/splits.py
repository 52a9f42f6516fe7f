"""Splits of interactions into train, validation and test: by time, except in `random`.

`random` is there because published tables use it; nothing that a shop releases is ever split by it.
A split works on one row per user and item (its first time), so a pair is on one side only.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.suggest import did_you_mean

SplitName = Literal["global-time", "leave-last-one", "ratio", "random"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)
_DESCRIPTIONS: dict[SplitName, str] = {
    "global-time": "the first {train:.0%} of all interactions in time teach, the next {validation:.0%} "
    "choose, the last {test:.0%} judge",
    "leave-last-one": "per user the last interaction judges, the one before it chooses, the rest teach",
    "ratio": "per user, in order of time, the first {train:.0%} teach, the next {validation:.0%} choose, "
    "the last {test:.0%} judge (each at least one)",
    "random": "per user {train:.0%} at random teach, {validation:.0%} choose, {test:.0%} judge (each at "
    "least one), seed {seed}: what published tables use, and no forecast",
}
SEED = 7
_ORDER = "_order"
_COUNT = "_count"


@dataclass(frozen=True)
class Shares:
    """Shares of validation and test; the rest is for training."""

    validation: float = 0.1
    test: float = 0.1


@dataclass(frozen=True)
class Parts:
    """Rows of the events frame; a pair of user and item is in one part only."""

    train: pl.DataFrame
    validation: pl.DataFrame
    test: pl.DataFrame


def check_split(name: str) -> SplitName:
    """`name` when it is one of SPLITS; raises ConfigError with the nearest one."""
    for split_name in SPLITS:
        if name == split_name:
            return split_name
    raise ConfigError(f"unknown split '{name}', {did_you_mean(name, SPLITS)} Splits: {', '.join(SPLITS)}")


def describe(name: SplitName, shares: Shares = Shares(), seed: int = SEED) -> str:
    """The split in one sentence."""
    train = 1.0 - shares.validation - shares.test
    return _DESCRIPTIONS[name].format(train=train, validation=shares.validation, test=shares.test, seed=seed)


def split(events: pl.DataFrame, name: SplitName, shares: Shares = Shares(), *, seed: int = SEED) -> Parts:
    """Splits events into train, validation and test.

    Ties in time are broken by the ids, so the order of the rows has no influence.

    Args:
        events: rows with a preference only, see `feedback`.
        name: the rule, one of SPLITS.
        shares: shares of validation and test.
        seed: of the split `random`, which is the same for the same rows in any order.

    Returns:
        The three parts.
    """
    if name == "global-time":
        return _global_time(events, shares)
    first = events.sort(col.TIMESTAMP, col.USER_ID, col.PRODUCT_ID).unique(
        [col.USER_ID, col.PRODUCT_ID], keep="first", maintain_order=True
    )
    if name == "random":
        first = first.sort(col.USER_ID, col.PRODUCT_ID).sample(fraction=1.0, shuffle=True, seed=seed)
    order = pl.int_range(pl.len()).over(col.USER_ID)
    numbered = first.with_columns(order.alias(_ORDER), pl.len().over(col.USER_ID).alias(_COUNT))
    left = pl.col(_COUNT) - pl.col(_ORDER)
    each = Shares(0.0, 0.0) if name == "leave-last-one" else shares
    last, before = (
        (pl.col(_COUNT) * share).round().clip(lower_bound=1) for share in (each.test, each.validation)
    )
    # A user with two interactions has both in train and none in test.
    enough = pl.col(_COUNT) >= 3
    test, validation = enough & (left <= last), enough & (left > last) & (left <= last + before)
    rest = ~test & ~validation
    return Parts(*(numbered.filter(rows).drop(_ORDER, _COUNT) for rows in (rest, validation, test)))


def _global_time(events: pl.DataFrame, shares: Shares) -> Parts:
    """All before t1, t1 to t2, after t2; the times are quantiles of the events' own."""
    times = events[col.TIMESTAMP].sort()
    if not len(times):
        return Parts(events, events, events)
    cuts = [
        times[min(len(times) - 1, round(len(times) * share))]
        for share in (1.0 - shares.validation - shares.test, 1.0 - shares.test)
    ]
    at = pl.col(col.TIMESTAMP)
    train = events.filter(at < cuts[0])
    later = events.filter((at >= cuts[0]) & (at < cuts[1]))
    validation = _not_seen(later, train)
    test = _not_seen(events.filter(at >= cuts[1]), pl.concat([train, later]))
    return Parts(train, validation, test)


def _not_seen(events: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    pair = [col.USER_ID, col.PRODUCT_ID]
    return events.join(before.select(pair).unique(), on=pair, how="anti", maintain_order="left")
