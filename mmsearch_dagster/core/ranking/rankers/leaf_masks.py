"""Decision trees without walking them: which leaves each comparison rules out, as bits of one number.

QuickScorer (Lucchese et al., SIGIR 2015): a row leaves a tree at its first leaf that none of the splits
that send the row to the right has ruled out. All splits of one feature are looked up at once, by the
position of the row's value among the thresholds. It gives the leaf that a walk gives.
Letters: `n` rows, `f` features, `t` trees.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_LEAVES = 64
Masks = NDArray[np.unsignedinteger]


@dataclass(frozen=True)
class TreeSplit:
    """A node: a value above the threshold, or a missing one unless `nan_left`, goes to the right.

    ruled_out: the leaves on its left, as bits; bit 0 is the tree's first leaf.
    """

    feature: int
    tree: int
    threshold: float
    nan_left: bool
    ruled_out: int


@dataclass(frozen=True)
class LeafMasks:
    """All splits of an ensemble.

    thresholds: feature -> its different thresholds, ascending, float64 [m]. left_over: feature -> the leaves
    of every tree that are left for a value above the first 0, 1, ... m thresholds, and for a missing value,
    unsigned [m + 2, t]. values: of the leaves, float64 [t, l].
    """

    thresholds: Mapping[int, NDArray[np.float64]]
    left_over: Mapping[int, Masks]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, splits: list[TreeSplit], values: NDArray[np.float64]) -> "LeafMasks":
        """values: of the leaves of each tree from left to right, [t, l] with l up to MOST_LEAVES."""
        kind = next(kind for kind in _KINDS if values.shape[1] <= np.iinfo(kind).bits)
        by_feature: dict[int, list[TreeSplit]] = {}
        for each in splits:
            by_feature.setdefault(each.feature, []).append(each)
        thresholds = {
            feature: np.unique([each.threshold for each in nodes]) for feature, nodes in by_feature.items()
        }
        left_over = {
            feature: _left_over(nodes, thresholds[feature], np.full(len(values), np.iinfo(kind).max, kind))
            for feature, nodes in by_feature.items()
        }
        return cls(thresholds, left_over, values)

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum over all trees.

        Args:
            features: [n, f], NaN where a value is missing.

        Returns:
            float64 [n].
        """
        rows, trees = len(features), len(self.values)
        leaves = np.zeros((rows, trees), dtype=np.int64)
        if self.left_over:
            left = self._left(features)
            # The lowest bit that is set: the zeros below it, counted.
            leaves = np.bitwise_count((left & (~left + np.ones((), left.dtype))) - 1).astype(np.int64)
        offsets = np.arange(trees) * self.values.shape[1]
        return self.values.ravel()[leaves + offsets].sum(axis=1)

    def _left(self, features: NDArray[np.float32]) -> Masks:
        """The leaves that are left in every tree, [n, t]."""
        values = features.T.astype(np.float64)
        parts = (
            masks.take(_positions(self.thresholds[feature], values[feature]), axis=0)
            for feature, masks in self.left_over.items()
        )
        left = next(parts)
        for part in parts:
            left &= part
        return left


_KINDS = (np.uint16, np.uint32, np.uint64)


def _positions(thresholds: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many thresholds each value is above; one more than all of them for a missing value."""
    positions = np.searchsorted(thresholds, values, side="left")
    positions[np.isnan(values)] = len(thresholds) + 1
    return positions


def _left_over(nodes: list[TreeSplit], thresholds: NDArray[np.float64], every_leaf: Masks) -> Masks:
    """The rows of `LeafMasks.left_over` of one feature. every_leaf: all bits set, [t]."""
    rows = np.tile(every_leaf, (len(thresholds) + 2, 1))
    for node in nodes:
        kept = ~np.array(node.ruled_out, dtype=every_leaf.dtype)
        above = int(np.searchsorted(thresholds, node.threshold)) + 1
        rows[above:-1, node.tree] &= kept
        if not node.nan_left:
            rows[-1, node.tree] &= kept
    return rows
