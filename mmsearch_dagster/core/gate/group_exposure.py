"""How the exposure of a page of results spreads over groups of products, query by query.

A result at rank r has the exposure 1 / log2(1 + r), as in the discount of nDCG (Singh and Joachims, Fairness
of Exposure in Rankings, KDD 2018, section 3).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from mmsearch_dagster.core.gate.decision import AttributeExposure

_DEPTH = 10
_DISCOUNTS = 1.0 / np.log2(np.arange(2, _DEPTH + 2))
# Values of an attribute that are looked at one by one; the others count as one.
_MOST_VALUES = 12
_OTHERS = "others"


def exposure_by_attribute(
    candidate: Mapping[str, Sequence[str]],
    champion: Mapping[str, Sequence[str]] | None,
    grades: Mapping[str, Mapping[str, int]],
    groups: Mapping[str, Mapping[str, str | None]],
) -> dict[str, AttributeExposure]:
    """Exposure of the values of each attribute.

    Args:
        candidate: query id -> products, best first.
        champion: the same; None where there are none.
        grades: query id -> product id -> grade.
        groups: attribute -> product id -> value.

    Returns:
        Attribute -> exposure, for those with at least two values in the catalogue.
    """
    merit = {query: _by_merit(graded) for query, graded in grades.items()}
    seen = {query: _by_rank(products) for query, products in candidate.items() if query in grades}
    before = {query: _by_rank(products) for query, products in (champion or {}).items() if query in grades}
    exposures = {}
    for attribute, value_of in groups.items():
        values = _values(value_of)
        if len(values) > 1:
            parts = (_of_values(part, value_of, values) for part in (seen, before, merit))
            exposures[attribute] = AttributeExposure(
                values=values, **dict(zip(("candidate", "champion", "merit"), parts, strict=True))
            )
    return exposures


def _by_rank(products: Sequence[str]) -> dict[str, float]:
    """Product -> exposure in a page of results."""
    return dict(zip(products[:_DEPTH], _DISCOUNTS.tolist(), strict=False))


def _by_merit(graded: Mapping[str, int]) -> dict[str, float]:
    """Product -> exposure in an order by grade; products of one grade share their ranks evenly."""
    exposure: dict[str, float] = {}
    right = sorted((product for product in graded if graded[product] > 0), key=lambda each: -graded[each])
    for _, products in groupby(right, key=graded.__getitem__):
        same = list(products)
        ranks = _DISCOUNTS[len(exposure) : len(exposure) + len(same)]
        exposure |= dict.fromkeys(same, float(ranks.sum()) / len(same))
    return exposure


def _values(value_of: Mapping[str, str | None]) -> tuple[str, ...]:
    counts = Counter(value for value in value_of.values() if value)
    values = sorted(counts, key=lambda value: (-counts[value], value))
    return (*values[:_MOST_VALUES], _OTHERS) if len(values) > _MOST_VALUES else tuple(values)


def _of_values(
    exposure: Mapping[str, Mapping[str, float]], value_of: Mapping[str, str | None], values: Sequence[str]
) -> dict[str, tuple[float, ...]]:
    """Query -> exposure of each value; products without a value have none."""
    column = {value: number for number, value in enumerate(values)}
    rows = {}
    for query, products in exposure.items():
        row = [0.0] * len(values)
        for product, seen in products.items():
            if value := value_of.get(product):
                row[column.get(value, len(values) - 1)] += seen
        rows[query] = tuple(round(each, 4) for each in row)
    return rows
