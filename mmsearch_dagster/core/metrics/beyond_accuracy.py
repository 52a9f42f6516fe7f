"""What a list of recommendations does to people and to the catalogue, beside being right.

Per-user values first, their mean second. A list is product ids, best first. Recall and nDCG are those of
core.metrics (`list_accuracy` gives their means at 10, 20 and 50).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.metrics.ranking import means, per_query

Values = NDArray[np.float64]
Lists = Mapping[str, Sequence[str]]

DEPTHS = (10, 20, 50)
_SMOOTHING = 0.01


def list_accuracy(lists: Lists, liked: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """Mean recall@K and nDCG@K, K = 10, 20, 50, of every user in `liked` (user -> product -> grade)."""
    names = [f"{stem}@{depth}" for stem in ("recall", "ndcg") for depth in DEPTHS]
    return means(per_query(lists, liked, metrics=names))


def auc(scores: Values, positive: NDArray[np.bool_]) -> float:
    """Chance that a random positive scores above a random negative, ties counting half; NaN without both.

    The Mann-Whitney U statistic over the number of pairs (Hanley and McNeil, Radiology 143, 1982).
    Two positives at 3 and 1, one negative at 2: one of two pairs is right.

    >>> auc(np.array([3.0, 1.0, 2.0]), np.array([True, True, False]))
    0.5

    Args:
        scores: [n].
        positive: bool [n].
    """
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return float("nan")
    _, level, size = np.unique(scores, return_inverse=True, return_counts=True)
    # Equal scores share the mean of their ranks.
    ranks = (np.cumsum(size) - (size - 1) / 2)[level][positive].sum()
    return float((ranks - count * (count + 1) / 2) / (count * others))


def coverage(lists: Lists, catalogue: int) -> float:
    """Share of the catalogue's products that are in at least one list (Ge, Delgado-Battenfeld and Jannach,
    Beyond accuracy, RecSys 2010). NaN for an empty catalogue.

    >>> coverage({"u": ["a", "b"], "v": ["a"]}, 4)
    0.5
    """
    return (
        len({product for products in lists.values() for product in products}) / catalogue
        if catalogue
        else float("nan")
    )


def novelty(lists: Lists, popularity: Mapping[str, float]) -> dict[str, float]:
    """User -> mean self-information -log2 p(product) of the list, p its smoothed share of all interactions
    (Zhou et al., Solving the apparent diversity-accuracy dilemma, PNAS 107, 2010).

    popularity: product -> interactions; one that is missing has 0. One is added to each count, so that what
    nobody bought yet has a finite surprise. Empty lists are left out.
    """
    counts = dict(popularity) | {p: popularity.get(p, 0.0) for products in lists.values() for p in products}
    total = sum(counts.values()) + len(counts)
    return {
        user: float(np.mean([-np.log2((counts[product] + 1.0) / total) for product in products]))
        for user, products in lists.items()
        if products
    }


def intra_list_diversity(lists: Lists, vectors: Mapping[str, NDArray[np.float32]]) -> dict[str, float]:
    """Mean distance between the products of each list: 1 - cosine over all pairs (Ziegler et al., Improving
    recommendation lists through topic diversification, WWW 2005, as a distance).

    Args:
        lists: user -> product ids.
        vectors: product id -> vector [d].

    Returns:
        User -> mean distance; lists with fewer than two vectors are left out.
    """
    diversity = {}
    for user, products in lists.items():
        rows = [vectors[product] for product in products if product in vectors]
        unit = [row / norm for row in rows if (norm := float(np.linalg.norm(row))) > 0]
        if len(unit) > 1:
            # The sum of all pairs' cosines from the sum of the vectors: |Σv|² = n + Σ_{a≠b} cos.
            count, total = len(unit), np.sum(np.array(unit, dtype=np.float64), axis=0)
            diversity[user] = float(1.0 - (total @ total - count) / (count * (count - 1)))
    return diversity


def shares(groups: Sequence[str | None]) -> dict[str, float]:
    """Group -> its share of the list; products without a group are left out."""
    named = [group for group in groups if group is not None]
    return {group: named.count(group) / len(named) for group in sorted(set(named))}


def calibration(
    wanted: Mapping[str, Mapping[str, float]], lists: Lists, group: Mapping[str, str]
) -> dict[str, float]:
    """User -> Kullback-Leibler divergence of the list's categories q from the person's p, 0 when they agree:
    KL(p || q) = sum of p(c) log2(p(c) / ((1 - a) q(c) + a p(c))), a = 0.01 (Steck, Calibrated
    recommendations, RecSys 2018, equations 6 and 7).

    wanted: user -> category -> share. People or lists without a category are left out.
    """
    divergence = {}
    for user, products in lists.items():
        target, q = wanted.get(user, {}), shares([group.get(product) for product in products])
        if not target or not q:
            continue
        divergence[user] = float(
            sum(
                p * np.log2(p / ((1 - _SMOOTHING) * q.get(name, 0.0) + _SMOOTHING * p))
                for name, p in target.items()
                if p > 0
            )
        )
    return divergence


def expected_calibration_error(chance: Values, happened: NDArray[np.bool_], bins: int = 10) -> float:
    """Mean gap between predicted chance and observed share over equal-width bins, weighted by their size
    (Naeini, Cooper and Hauskrecht, AAAI 2015). NaN without a prediction.

    Two at 0.9, both happened (gap 0.1); two at 0.3, one happened (gap 0.2): (2 x 0.1 + 2 x 0.2) / 4.

    >>> round(expected_calibration_error(np.array([.9, .9, .3, .3]), np.array([True, True, True, False])), 6)
    0.15

    Args:
        chance: predictions [n], 0 to 1.
        happened: bool [n].
        bins: number of bins.
    """
    if not len(chance):
        return float("nan")
    bin_of = np.minimum((chance * bins).astype(int), bins - 1)
    error = 0.0
    for number in np.unique(bin_of):
        inside = bin_of == number
        error += inside.sum() * abs(float(chance[inside].mean()) - float(happened[inside].mean()))
    return float(error / len(chance))


def exposure(lists: Lists, group: Mapping[str, str | None]) -> dict[str, float]:
    """Group -> its share of all exposure, a place at rank r counting 1 / log2(r + 1) (Singh and Joachims,
    Fairness of exposure in rankings, KDD 2018). Shares of the named groups add up to 1."""
    seen: dict[str, float] = {}
    for products in lists.values():
        for rank, product in enumerate(products, start=1):
            name = group.get(product)
            if name is not None:
                seen[name] = seen.get(name, 0.0) + 1.0 / np.log2(rank + 1)
    total = sum(seen.values())
    return {name: float(value / total) for name, value in sorted(seen.items())} if total else {}


@dataclass(frozen=True)
class GroupExposure:
    """One group: its share of the catalogue, its share of the exposure, and their ratio (1 is even)."""

    group: str
    catalogue: float
    exposure: float

    @property
    def ratio(self) -> float:
        return self.exposure / self.catalogue if self.catalogue else float("nan")


def exposure_by_group(lists: Lists, group: Mapping[str, str | None]) -> list[GroupExposure]:
    """Every group of the catalogue (`group`: product -> group) with both shares, largest exposure first."""
    held = shares(list(group.values()))
    seen = exposure(lists, group)
    rows = [GroupExposure(name, held[name], seen.get(name, 0.0)) for name in held]
    return sorted(rows, key=lambda row: (-row.exposure, row.group))


def price_bands(prices: Mapping[str, float | None], bands: int = 4) -> dict[str, str | None]:
    """Product -> `price 1` (lowest) to `price N`, cut at the catalogue's quantiles; None without a price."""
    given = np.array([price for price in prices.values() if price is not None and np.isfinite(price)])
    if not len(given):
        return dict.fromkeys(prices, None)
    cuts = np.quantile(given, np.arange(1, bands) / bands)
    return {
        product: None
        if price is None or not np.isfinite(price)
        else f"price {int(np.searchsorted(cuts, price, side='right')) + 1}"
        for product, price in prices.items()
    }


def popularity_lift(
    lists: Lists, histories: Mapping[str, Sequence[str]], popularity: Mapping[str, float]
) -> dict[str, float]:
    """User -> (mean popularity of the list - that of the person's own history) / that of the history; above
    0 the list pushes what is popular anyway (Abdollahpouri, Mansoury, Burke and Mobasher, The unfairness
    of popularity bias in recommendation, 2019, per person). People without a popular history are left out.
    """
    lifts = {}
    for user, products in lists.items():
        history = [popularity.get(product, 0.0) for product in histories.get(user, ())]
        if products and history and (level := float(np.mean(history))) > 0:
            shown = float(np.mean([popularity.get(product, 0.0) for product in products]))
            lifts[user] = (shown - level) / level
    return lifts


def mean_of(values: Mapping[str, float], pick: Callable[[list[float]], float] | None = None) -> float:
    """Mean over users (or what `pick` makes of the values), NaN for none."""
    numbers = [value for value in values.values() if value == value]
    if not numbers:
        return float("nan")
    return pick(numbers) if pick else float(np.mean(numbers))
