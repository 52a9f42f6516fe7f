"""The person's columns of the ranking stage: features of one (person, product, moment).

Legend: `n` pairs, `u` people, `i` products, `d` width of the fused vectors, `k` collaborative factors,
`f` features. A row number of -1 means: unknown person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix

Rows = NDArray[np.int64]
Values = NDArray[np.float64]

BASE_ORDER = "order before"
COLLABORATIVE_SCORE = "collaborative"
CATEGORY_AFFINITY = "category affinity"
PRICE_AFFINITY = "price affinity"
POPULARITY = "popularity"
RATING = "rating"
FRESHNESS = "freshness"
FREQUENCY = "visits"
RECENCY = "days away"
HOUR_SINE, HOUR_COSINE = "hour (sine)", "hour (cosine)"
_ALWAYS = (
    BASE_ORDER,
    COLLABORATIVE_SCORE,
    CATEGORY_AFFINITY,
    PRICE_AFFINITY,
    POPULARITY,
    RATING,
    FRESHNESS,
)
_OF_PERSON = (COLLABORATIVE_SCORE, CATEGORY_AFFINITY, PRICE_AFFINITY)
_TASTE, _QUERY = "taste ", "query to "
# A person whose prices hardly vary still accepts others: least spread of log1p(price).
_LEAST_SPREAD = 0.25
_SECONDS_PER_DAY, _SECONDS_PER_HOUR, _HOURS_PER_DAY = 86_400.0, 3_600.0, 24.0


@dataclass(frozen=True)
class People:
    """Profiles, row for row. vectors: float32 [u, d], blocks as those of Items; factors: float32 [u, k] or
    None.

    categories: per person, category -> share. prices: mean and spread of log1p(price) [u, 2], NaN unknown.
    visits: float [u, 2], events and days since the last one.
    """

    vectors: Matrix
    factors: Matrix | None
    categories: tuple[Mapping[str, float], ...]
    prices: Values
    visits: Values

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True)
class Items:
    """Products, row for row. vectors: float32 [i, d]; factors: float32 [i, k] or None; price, rating
    (smoothed, of 5) and updated (seconds since 1970): float [i], NaN unknown. categories: the deepest
    known path, None unknown."""

    ids: tuple[str, ...]
    vectors: Matrix
    factors: Matrix | None
    price: Values
    rating: Values
    updated: Values
    categories: tuple[str | None, ...]
    blocks: Mapping[str, tuple[int, int]]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Pairs:
    """`n` pairs to be scored. person: row of People, -1 unknown; item: row of Items; popularity: what the
    product was worth to everybody before this moment; order: rank in the order before, from 0, NaN where
    there is none; moment: seconds since 1970, UTC, what freshness is counted to; hour: when the page is
    made, see `hour_of_day`; query: modality -> cosine of query and product, NaN
    where either lacks it.
    """

    person: Rows
    item: Rows
    popularity: Values
    order: Values
    moment: Values
    hour: Values
    query: Mapping[str, Values]

    def __len__(self) -> int:
        return len(self.person)


def hour_of_day(moment: Values) -> Values:
    """Whole hour of the day in UTC, 0 to 23. moment: seconds since 1970.

    Of the moment a page is made, in training and in serving alike. Whole, so that the same question asked
    twice in an hour has the same answer.

    >>> hour_of_day(np.array([0.0, 3_599.9, 90_000.0])).tolist()
    [0.0, 0.0, 1.0]

    Args:
        moment: seconds since 1970, [n].

    Returns:
        Hours, 0 to 23, [n].
    """
    return np.floor(moment / _SECONDS_PER_HOUR) % _HOURS_PER_DAY


def feature_names(modalities: Sequence[str]) -> tuple[str, ...]:
    """Names of the features that differ between the products of a page, in their order: `f` of them."""
    return (
        *_ALWAYS,
        *(f"{_TASTE}{name}" for name in modalities),
        *(f"{_QUERY}{name}" for name in modalities),
    )


def columns_of(names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Columns that are unknown together: of the `order` before, the `query`, the `person`."""
    number = list(enumerate(names))
    return {
        "order": tuple(n for n, name in number if name == BASE_ORDER),
        "query": tuple(n for n, name in number if name.startswith(_QUERY)),
        "person": tuple(n for n, name in number if name in _OF_PERSON or name.startswith(_TASTE)),
    }


def feature_matrix(pairs: Pairs, people: People, items: Items, names: Sequence[str]) -> Values:
    """The features of every pair of person and product.

    Args:
        pairs: `n` pairs with their page.
        people: profiles.
        items: products.
        names: of `feature_names`. A network of a former release also reads FREQUENCY, RECENCY and the hour,
            which are the same for all products of a page.

    Returns:
        float64 [n, f], in the order of `names`; NaN where something is unknown.
    """
    profiled = pairs.person >= 0
    person = np.where(profiled, pairs.person, 0)
    columns: dict[str, Values] = {
        BASE_ORDER: 1.0 / np.log2(2.0 + pairs.order),
        POPULARITY: np.log1p(pairs.popularity),
        RATING: items.rating[pairs.item],
        FRESHNESS: -np.log1p(np.maximum(pairs.moment - items.updated[pairs.item], 0.0) / _SECONDS_PER_DAY),
    }
    if len(people):
        personal = _personal(pairs, people, items, person)
        columns |= {name: np.where(profiled, values, np.nan) for name, values in personal.items()}
    angle = 2 * np.pi * pairs.hour / _HOURS_PER_DAY
    columns |= {HOUR_SINE: np.sin(angle), HOUR_COSINE: np.cos(angle)}
    columns |= {f"{_QUERY}{name}": values for name, values in pairs.query.items()}
    nothing = np.full(len(pairs), np.nan)
    return np.column_stack([columns.get(name, nothing) for name in names])


def _personal(pairs: Pairs, people: People, items: Items, person: Rows) -> dict[str, Values]:
    mean, spread = people.prices[person].T
    gap = np.abs(np.log1p(items.price[pairs.item]) - mean)
    similarities = {
        f"{_TASTE}{name}": _cosines(
            people.vectors[:, start:stop], items.vectors[:, start:stop], person, pairs.item
        )
        for name, (start, stop) in items.blocks.items()
    }
    return similarities | {
        COLLABORATIVE_SCORE: _collaborative(pairs, people, items, person),
        CATEGORY_AFFINITY: _shares(pairs, people, items, person),
        PRICE_AFFINITY: -gap / np.maximum(spread, _LEAST_SPREAD),
        FREQUENCY: np.log1p(people.visits[person, 0]),
        RECENCY: np.log1p(np.maximum(people.visits[person, 1], 0.0)),
    }


def _cosines(left: Matrix, right: Matrix, row: Rows, column: Rows) -> Values:
    """Cosine of paired rows, NaN where one of them is zero."""
    a, b = left[row].astype(np.float64), right[column].astype(np.float64)
    norm = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.divide((a * b).sum(axis=1), norm, out=np.full(len(row), np.nan), where=norm > 0)


def _collaborative(pairs: Pairs, people: People, items: Items, person: Rows) -> Values:
    if people.factors is None or items.factors is None:
        return np.full(len(pairs), np.nan)
    # The cosine: its scale stays when factors are fitted again, that of the product does not.
    return _cosines(people.factors, items.factors, person, pairs.item)


def _shares(pairs: Pairs, people: People, items: Items, person: Rows) -> Values:
    return np.array(
        [
            people.categories[who].get(category, 0.0) if (category := items.categories[what]) else np.nan
            for who, what in zip(person, pairs.item, strict=True)
        ],
        dtype=np.float64,
    )
