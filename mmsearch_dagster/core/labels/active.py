"""Which grades of (query, product) pairs narrow the interval between two engines most."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmsearch_dagster.core.labels.holdout import hash_share

Lists = Mapping[str, Sequence[str]]
Grades = Mapping[str, Mapping[str, int]]

_DEPTH = 10
# About as many products per query as a grader needs to see to tell two lists apart.
_PAIRS_PER_QUERY = 8
# Variance of the gain of a product that nobody graded, with grades 0 and 3 equally likely: 2^3 - 1 = 7 or 0.
_GAIN_VARIANCE = 7.0**2 / 4
_QUANTILE = 1.96


@dataclass(frozen=True)
class LabelRequest:
    """A pair to grade. weight: how much its gain counts in the difference of the two engines, 0 to 1."""

    query_id: str
    product_id: str
    weight: float


def label_requests(engine: Lists, baseline: Lists, graded: Grades, *, limit: int) -> list[LabelRequest]:
    """The pairs whose grades the difference in DCG depends on most.

    Of an estimate that is a weighted sum of unknown gains, the term with the largest weight carries the
    largest variance: it is graded first (Carterette, Allan and Sitaraman, Minimal test collections for
    retrieval evaluation, SIGIR 2006).
    The queries are drawn without looking at the lists, so that those that differ are not preferred.

    Args:
        engine: query id -> products, best first.
        baseline: the same of the engine to beat.
        graded: query id -> product id -> grade of pairs that need no grade any more.
        limit: how many pairs at most.

    Returns:
        Pairs with a weight above 0, the largest first.
    """
    drawn = sorted(engine, key=hash_share)[: max(1, math.ceil(limit / _PAIRS_PER_QUERY))]
    pairs = [
        LabelRequest(query, product, weight)
        for query in drawn
        for product, weight in _weights(engine[query], baseline.get(query, ())).items()
        if weight > 0 and product not in graded.get(query, {})
    ]
    return sorted(pairs, key=lambda pair: (-pair.weight, hash_share(f"{pair.query_id}:{pair.product_id}")))[
        :limit
    ]


def _weights(engine: Sequence[str], baseline: Sequence[str]) -> dict[str, float]:
    """Product -> how far apart its discounts are in the two lists."""
    ranks = [{product: rank for rank, product in enumerate(part[:_DEPTH])} for part in (engine, baseline)]
    return {
        product: abs(_discount(ranks[0].get(product)) - _discount(ranks[1].get(product)))
        for product in dict.fromkeys([*ranks[0], *ranks[1]])
    }


def _discount(rank: int | None) -> float:
    """Of DCG; 0 below the depth. rank: from 0."""
    return 0.0 if rank is None else 1.0 / math.log2(rank + 2)


def interval_width(engine: Lists, baseline: Lists, graded: Grades) -> float:
    """Width of the 95 % interval of the mean difference in DCG@10 that the missing grades alone leave open.

    Args:
        engine: query id -> products, best first.
        baseline: the same of the engine to beat.
        graded: query id -> product id -> grade.

    Returns:
        0 where every pair with a weight is graded.
    """
    open_variance = sum(
        weight**2 * _GAIN_VARIANCE
        for query, products in engine.items()
        for product, weight in _weights(products, baseline.get(query, ())).items()
        if product not in graded.get(query, {})
    )
    return 2 * _QUANTILE * math.sqrt(open_variance) / max(1, len(engine))
