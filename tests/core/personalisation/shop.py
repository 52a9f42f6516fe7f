"""A small shop whose shoppers look by position and click by taste."""

from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog.schemas import EVENTS, PRODUCTS
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch
from mmsearch_dagster.core.personalisation.features import Items, Values
from mmsearch_dagster.core.personalisation.spaces import space_of

START = datetime(2026, 5, 1, tzinfo=UTC)
PRODUCTS_COUNT, SHOWN = 60, 6


def look(position: int) -> float:
    """The true chance that a position is looked at."""
    return 1.0 / (1 + position)


def products() -> pl.DataFrame:
    rows = [
        {
            "product_id": f"p{n:02}",
            "title": f"product {n}",
            "category": f"Shelf > Row {n % 3}",
            "price": 5.0 + n,
            "in_stock": True,
            "updated_at": START - timedelta(days=n),
        }
        for n in range(PRODUCTS_COUNT)
    ]
    return pl.DataFrame(rows, schema=PRODUCTS)


def batch() -> ModalityBatch:
    """Text says to which of two camps a product belongs, the picture is noise."""
    rng = np.random.default_rng(1)
    text = rng.normal(scale=0.3, size=(PRODUCTS_COUNT, 8)).astype(np.float32)
    text[:, 0] += np.where(np.arange(PRODUCTS_COUNT) % 2, 1.0, -1.0)
    picture = rng.normal(size=(PRODUCTS_COUNT, 6)).astype(np.float32)
    seen = np.ones(PRODUCTS_COUNT, dtype=bool)
    some = seen.copy()
    some[3] = False
    ids = tuple(f"p{n:02}" for n in range(PRODUCTS_COUNT))
    return ModalityBatch(ids, {TEXT: text, IMAGE: picture}, {TEXT: seen, IMAGE: some})


def items() -> Items:
    table, space = products(), space_of(batch(), width=4)
    return Items(
        ids=batch().ids,
        vectors=space.vectors,
        factors=None,
        price=table["price"].to_numpy(),
        rating=np.full(PRODUCTS_COUNT, np.nan),
        updated=table["updated_at"].dt.epoch("s").to_numpy().astype(float),
        categories=tuple(table["category"].to_list()),
        blocks=space.blocks,
    )


@cache
def log(pages: int = 900, *, users: int = 30, taste: float = 0.8, seed: int = 5) -> pl.DataFrame:
    """taste: chance of a click on what is of the user's own camp; of the other camp it is 0.8 minus this,
    so 0.4 is a shop without tastes."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for page in range(pages):
        user, moment = int(rng.integers(users)), START + timedelta(minutes=40 * page)
        base = {"user_id": f"u{user:02}", "session_id": f"s{page}", "query_id": f"q{page:04}"}
        for position, n in enumerate(rng.choice(PRODUCTS_COUNT, SHOWN, replace=False)):
            one = {**base, "product_id": f"p{n:02}", "position": position, "timestamp": moment}
            rows.append({**one, "action": "impression"})
            chance = taste if n % 2 == user % 2 else 0.8 - taste
            if rng.random() < look(position) * chance:
                rows.append({**one, "action": "click", "timestamp": moment + timedelta(seconds=30)})
                if rng.random() < 0.2:
                    rows.append(
                        {
                            **one,
                            "action": "purchase",
                            "value": 1.0,
                            "timestamp": moment + timedelta(minutes=2),
                        }
                    )
    numbered = [{"event_id": f"e{n}", **row} for n, row in enumerate(rows)]
    return pl.DataFrame(numbered, schema=EVENTS)


def no_cosines(ids: pl.Series, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> dict[str, Values]:
    return {}
