"""Positions of the rows of some groups, one group after the other."""

import numpy as np

from mmsearch_dagster.core.ranges import joined_ranges


def test_ranges_stand_one_after_the_other_in_the_order_given_and_an_empty_one_has_no_position() -> None:
    positions, starts = joined_ranges(np.array([10, 4, 0]), np.array([2, 0, 3]))

    assert positions.tolist() == [10, 11, 0, 1, 2]
    assert starts.tolist() == [0, 2, 2]


def test_no_range_has_no_position() -> None:
    none = np.empty(0, dtype=np.int64)

    positions, starts = joined_ranges(none, none)

    assert (len(positions), len(starts)) == (0, 0)
