"""How votes of past queries change the order of results."""

import math

from mmsearch_dagster.core.retrieval.score_fusion import ScoredList


def lifted(ranked: list[tuple[str, float]], votes: ScoredList, weight: float) -> list[tuple[str, float]]:
    """The order with the products of past queries raised: 1 / log2(rank + 1) plus the weighted votes.

    Args:
        ranked: products, best first.
        votes: of a query memory; without any the order stays as it is, its scores too.
        weight: of a vote; 1 is worth what the first place is.

    Returns:
        Every product of both, best first, ties by id.

    >>> [product for product, _ in lifted([("a", 9.0), ("b", 8.0)], [("b", 0.5), ("c", 0.1)], 1.0)]
    ['b', 'a', 'c']
    """
    if not votes or weight == 0.0:
        return ranked
    scores = {product: 1.0 / math.log2(rank + 1) for rank, (product, _) in enumerate(ranked, start=1)}
    for product, value in votes:
        scores[product] = scores.get(product, 0.0) + weight * value
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
