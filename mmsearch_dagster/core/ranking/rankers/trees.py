"""A boosted ensemble of decision trees as plain arrays: saved without pickle, evaluated with numpy alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.features import Features
from mmsearch_dagster.core.ranking.rankers.leaf_masks import MOST_LEAVES, LeafMasks, TreeSplit

# Tables of masks grow with the square of the ensemble; a larger one is walked.
_MOST_SPLITS_TIMES_TREES = 20_000_000


@dataclass(frozen=True)
class TreeEnsemble:
    """`t` trees of at most `m` nodes; a leaf is its own child.

    feature: int32 [t, m]. threshold: float64 [t, m], a row goes left where its value is not above it.
    left, right: int32 [t, m]. nan_left: bool [t, m], where a missing value goes. value: float64 [t, m].
    depth: the longest way from a root to a leaf.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    nan_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    depth: int

    def predict(self, features: Features) -> NDArray[np.float64]:
        """The sum over all trees.

        Args:
            features: float32 [n, f], NaN where a value is missing.

        Returns:
            float64 [n].
        """
        masks = self._masks
        return self._walked(features) if masks is None else masks.predict(features)

    @cached_property
    def _masks(self) -> LeafMasks | None:
        """The same trees as masks of leaves, many times faster; None where there are too many."""
        inner = self.left != np.arange(self.left.shape[1])
        trees, most_nodes = self.feature.shape
        leaves = (most_nodes + 1) // 2
        if leaves > MOST_LEAVES or int(inner.sum()) * trees > _MOST_SPLITS_TIMES_TREES:
            return None
        splits: list[TreeSplit] = []
        values = np.zeros((trees, leaves))
        for tree in range(trees):
            values_of_tree = self._leaves(tree, 0, 0, splits)
            values[tree, : len(values_of_tree)] = values_of_tree
        return LeafMasks.of(splits, values)

    def _leaves(self, tree: int, node: int, first: int, splits: list[TreeSplit]) -> list[float]:
        """The values of the leaves below a node from left to right, and its splits in `splits`.

        first: number of its first leaf.
        """
        left, right = int(self.left[tree, node]), int(self.right[tree, node])
        if left == node:
            return [float(self.value[tree, node])]
        on_left = self._leaves(tree, left, first, splits)
        ruled_out = ((1 << len(on_left)) - 1) << first
        place = int(self.feature[tree, node]), tree, float(self.threshold[tree, node])
        splits.append(TreeSplit(*place, bool(self.nan_left[tree, node]), ruled_out))
        return on_left + self._leaves(tree, right, first + len(on_left), splits)

    def _walked(self, features: Features) -> NDArray[np.float64]:
        """`predict`, every row through every tree; see there."""
        rows = np.arange(len(features))[:, None]
        trees = np.arange(len(self.feature))[None, :]
        node = np.zeros((len(features), len(self.feature)), dtype=np.int32)
        values = features.astype(np.float64)
        for _ in range(self.depth):
            observed = values[rows, self.feature[trees, node]]
            with np.errstate(invalid="ignore"):
                goes_left = observed <= self.threshold[trees, node]
            goes_left |= np.isnan(observed) & self.nan_left[trees, node]
            node = np.where(goes_left, self.left[trees, node], self.right[trees, node])
        return self.value[trees, node].sum(axis=1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name -> array, for a safetensors file."""
        names = ("feature", "threshold", "left", "right", "nan_left", "value")
        return {name: getattr(self, name) for name in names} | {"depth": np.array([self.depth])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "TreeEnsemble":
        """The inverse of `arrays`. Raises KeyError for a damaged file."""
        named = {name: arrays[name] for name in arrays if name != "depth"}
        return cls(**named, depth=int(arrays["depth"][0]))


def ensemble_of(model: Mapping[str, Any]) -> TreeEnsemble:
    """From LightGBM's `Booster.dump_model()`."""
    trees = [_nodes_of(tree["tree_structure"]) for tree in model["tree_info"]]
    most = max((len(nodes) for nodes in trees), default=1)
    shape = (len(trees), most)
    own_child = np.broadcast_to(np.arange(most, dtype=np.int32), shape)
    feature, threshold, value = np.zeros(shape, np.int32), np.zeros(shape), np.zeros(shape)
    left, right, nan_left = own_child.copy(), own_child.copy(), np.zeros(shape, dtype=bool)
    for tree, nodes in enumerate(trees):
        for number, node in enumerate(nodes):
            value[tree, number] = node.get("leaf_value", 0.0)
            if "split_feature" not in node:
                continue
            feature[tree, number] = node["split_feature"]
            threshold[tree, number] = node["threshold"]
            left[tree, number], right[tree, number] = node["children"]
            nan_left[tree, number] = bool(node["default_left"])
    depth = max((_depth_of(nodes) for nodes in trees), default=0)
    return TreeEnsemble(feature, threshold, left, right, nan_left, value, depth)


def _nodes_of(root: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Nodes in the order of a walk; `children` are positions in that order."""
    nodes: list[dict[str, Any]] = []

    def visit(node: Mapping[str, Any]) -> int:
        number = len(nodes)
        nodes.append(dict(node))
        if "split_feature" in node:
            nodes[number]["children"] = (visit(node["left_child"]), visit(node["right_child"]))
        return number

    visit(root)
    return nodes


def _depth_of(nodes: Sequence[Mapping[str, Any]], number: int = 0) -> int:
    children = nodes[number].get("children", ())
    return max((1 + _depth_of(nodes, child) for child in children), default=0)
