"""A small sample of what a release was made from: what later days are compared with.

The sample of today is drawn by the same functions, so that both sides are alike. Products are drawn by a
digest of their id: those that stay in the catalogue stay in the sample.
"""

from datetime import timedelta

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import sha256_text
from mmsearch_dagster.core.modalities import ModalityBatch
from mmsearch_dagster.core.monitoring.behaviour_drift import search_traits
from mmsearch_dagster.core.monitoring.drift import event_traits, product_traits, top_category
from mmsearch_dagster.core.monitoring.search_quality import DAY

_PRODUCTS, _VECTORS, _EVENTS, _SEARCHES = 2_000, 400, 4_000, 4_000
_SEED = 20
_SESSION, _KEY = "session or row", "digest"


def sample_products(products: pl.DataFrame) -> pl.DataFrame:
    """Traits of some products.

    Args:
        products: rows of the products table.

    Returns:
        One row per drawn product, as `product_traits` makes them.
    """
    return product_traits(products[_drawn_by_id(products[col.PRODUCT_ID].to_list(), _PRODUCTS)])


def sample_events(events: pl.DataFrame, days: int) -> pl.DataFrame:
    """Traits of some events of the log's last days, at most one of each session.

    The events of one visit share an hour, a person and a wish. Tests that took them for independent would
    find drift between any two weeks of a small shop.

    Args:
        events: rows of the events table.
        days: length of the period, in days up to the log's last one.

    Returns:
        One row per drawn event, as `event_traits` makes them.
    """
    recent = _last_days(events, pl.col(col.TIMESTAMP).dt.date(), days)
    return event_traits(_drawn(_one_by_session(recent), _EVENTS))


def sample_searches(searches: pl.DataFrame, events: pl.DataFrame, days: int) -> pl.DataFrame:
    """Traits of some searches of the log's last days.

    Args:
        searches: rows of the searches table.
        events: rows of the events table.
        days: length of the period, in days up to the log's last one.

    Returns:
        One row per drawn search, as `search_traits` makes them.
    """
    return _drawn(_last_days(search_traits(searches, events), pl.col(DAY), days), _SEARCHES)


def sample_vectors(items: ModalityBatch) -> ModalityBatch:
    """Vectors of some products, a product's pictures as their mean."""
    merged = items.merged()
    return merged.take(_drawn_by_id(merged.ids, _VECTORS))


def categories_of(products: pl.DataFrame) -> dict[str, str]:
    """Product id -> top category, of those that have one.

    Args:
        products: rows of the products table.

    Returns:
        The lookup.
    """
    return dict(products.select(col.PRODUCT_ID, top_category()).drop_nulls().iter_rows())


def _drawn_by_id(ids: "tuple[str, ...] | list[str]", size: int) -> list[int]:
    """Row numbers, in their order, of the `size` ids with the smallest digests."""
    if len(ids) <= size:
        return list(range(len(ids)))
    keys = [(sha256_text(f"{_SEED}:{key}"), row) for row, key in enumerate(ids)]
    return sorted(row for _, row in sorted(keys)[:size])


def _drawn(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    if rows.height <= size:
        return rows
    drawn = np.random.default_rng(_SEED).choice(rows.height, size, replace=False)
    return rows[np.sort(drawn)]


def _one_by_session(events: pl.DataFrame) -> pl.DataFrame:
    """In an order drawn by digest; an event without a session counts alone."""
    keys = [sha256_text(f"{_SEED}:{key}") for key in events[col.EVENT_ID].to_list()]
    alone = pl.int_range(pl.len()).cast(pl.String)
    return (
        events.with_columns(pl.coalesce(col.SESSION_ID, alone).alias(_SESSION), pl.Series(_KEY, keys))
        .sort(_KEY, maintain_order=True)
        .unique(_SESSION, keep="first", maintain_order=True)
        .drop(_SESSION, _KEY)
    )


def _last_days(rows: pl.DataFrame, day: pl.Expr, days: int) -> pl.DataFrame:
    """Rows of the last `days` days that the table has; all of a table without any time."""
    last = rows.select(day.max()).item() if rows.height else None
    return rows if last is None else rows.filter(day > last - timedelta(days=days))
