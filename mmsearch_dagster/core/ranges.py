"""Ranges of positions end to end: the rows of some groups, where the rows of a group stand together."""

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]


def joined_ranges(first: Positions, counts: Positions) -> tuple[Positions, Positions]:
    """The positions of `n` ranges, one range after the other.

    >>> positions, starts = joined_ranges(np.array([3, 10]), np.array([2, 3]))
    >>> positions.tolist(), starts.tolist()
    ([3, 4, 10, 11, 12], [0, 2])

    Args:
        first: where each range begins, [n].
        counts: how many positions it has, [n].

    Returns:
        The positions [sum of counts], and where each range begins among them [n].
    """
    starts = np.cumsum(counts) - counts
    return np.repeat(first - starts, counts) + np.arange(counts.sum()), starts
