"""What people do with the answers: searches, clicks and purchases by day, and whether clicks fall."""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import NormalDist

import polars as pl

from mmsearch_dagster.core.catalog import columns as col

_CHOSEN = ("click", "view", "add_to_cart", "purchase")
DAY = "day"


@dataclass(frozen=True)
class Change:
    """Difference of two shares, now - before, with its interval; searches of both periods."""

    difference: float
    low: float
    high: float
    before: int
    now: int


def by_search(searches: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """What people did with the answer of each logged search.

    Args:
        searches: rows of the searches table.
        events: rows of the events table.

    Returns:
        One row per search: day, whether anything was shown, clicked, bought, 1 / the best rank.
    """
    chosen = pl.col(col.ACTION).is_in(_CHOSEN)
    by_query = events.drop_nulls(col.QUERY_ID).group_by(col.QUERY_ID)
    taken = by_query.agg(
        shown=pl.lit(True),
        clicked=chosen.any(),
        bought=(pl.col(col.ACTION) == "purchase").any(),
        best=pl.col(col.POSITION).filter(chosen & (pl.col(col.POSITION) >= 1)).min(),
    )
    rows = searches.select(col.QUERY_ID, pl.col(col.TIMESTAMP).dt.date().alias(DAY)).drop_nulls()
    rows = rows.unique(col.QUERY_ID, keep="first", maintain_order=True)
    return rows.join(taken, on=col.QUERY_ID, how="left").with_columns(
        pl.col("shown", "clicked", "bought").fill_null(False), reciprocal=1.0 / pl.col("best")
    )


def by_day(taken: pl.DataFrame) -> pl.DataFrame:
    """Search quality per day.

    The reciprocal rank is that of the best chosen product, over searches where something was chosen at a
    known position.

    Args:
        taken: what `by_search` returns.

    Returns:
        One row per day: searches, shares with an answer, a click and a purchase, mean reciprocal rank.
    """
    return (
        taken.group_by(DAY)
        .agg(
            pl.len().alias("searches"),
            pl.col("shown").mean().alias("with results"),
            pl.col("clicked").mean().alias("with a click"),
            pl.col("bought").mean().alias("with a purchase"),
            pl.col("reciprocal").mean().alias("mean reciprocal rank"),
        )
        .sort(DAY)
    )


def click_change(taken: pl.DataFrame, days: int, confidence: float) -> Change | None:
    """Change of the share of searches with a click, from one period to the next.

    Args:
        taken: what `by_search` returns.
        days: length of a period in days.
        confidence: of the interval, 0 to 1.

    Returns:
        The last `days` days of the log against as many before; None where either has no search.
    """
    last = taken[DAY].max()
    if not isinstance(last, date):
        return None
    start, middle = last - timedelta(days=2 * days), last - timedelta(days=days)
    before = taken.filter((pl.col(DAY) > start) & (pl.col(DAY) <= middle))["clicked"]
    now = taken.filter(pl.col(DAY) > middle)["clicked"]
    if before.is_empty() or now.is_empty():
        return None
    return share_change((int(before.sum()), len(before)), (int(now.sum()), len(now)), confidence)


def share_change(before: tuple[int, int], now: tuple[int, int], confidence: float = 0.95) -> Change:
    """now - before of two shares given as (hits, trials), with Newcombe's hybrid score interval.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics
    in Medicine 17 (1998), method 10.

    >>> change = share_change((48, 80), (56, 70))
    >>> round(change.difference, 4), round(change.low, 4), round(change.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    (p, low_p, high_p), (q, low_q, high_q) = (_wilson(*counts, confidence) for counts in (now, before))
    return Change(
        difference=p - q,
        low=p - q - math.hypot(p - low_p, high_q - q),
        high=p - q + math.hypot(high_p - p, q - low_q),
        before=before[1],
        now=now[1],
    )


def _wilson(hits: int, trials: int, confidence: float) -> tuple[float, float, float]:
    """The share and its score interval (Wilson 1927)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, spread = hits / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return share, middle - half, middle + half
