"""Several tests of one question: how sure each is when all of them are counted."""

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted by Holm's step-down method, which bounds the chance of any false alarm.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6 (1979).

    Args:
        p_values: one per test; NaN where a test could not be made, which is no test.

    Returns:
        The adjusted values in the given order, NaN where none was given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    adjusted, highest = [float("nan")] * len(p_values), 0.0
    for rank, (p, index) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - rank)))
        adjusted[index] = highest
    return adjusted
