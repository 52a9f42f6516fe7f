"""Collaborative factors: an item's vector, and a user's by what they did.

Letters: `u` users, `n` items, `k` width. Whatever learned them, the score of a user for an item is the
product of two vectors, and `fold_in` makes the vector of a user (or of one session) whom the model has
never seen: user = x @ fold_in for a row of interactions x [n].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from mmsearch_dagster.core.collaborative_filtering.interactions import Interactions

Matrix = NDArray[np.float32]
# Of the strongest dimension: squared, smaller values are zero in float32.
_FAINT = 1e-3


@dataclass(frozen=True)
class Factors:
    """users: float32 [u, k]; items: float32 [n, k]; fold_in: float32 [n, k]; ids in the same order."""

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    users: Matrix
    items: Matrix
    fold_in: Matrix

    def scores(self, users: Matrix) -> Matrix:
        """Scores of every item.

        Args:
            users: user vectors, float32 [b, k].

        Returns:
            float32 [b, n].
        """
        return users @ self.items.T

    def folded(self, interactions: csr_matrix) -> Matrix:
        """Vectors of users by their interactions.

        Args:
            interactions: [b, n].

        Returns:
            float32 [b, k].
        """
        return np.asarray(interactions @ self.fold_in, dtype=np.float32)


def no_factors(width: int = 1) -> Factors:
    """Empty factors, for a shop without a log.

    Args:
        width: k of the empty matrices.
    """
    nothing = np.zeros((0, width), np.float32)
    return Factors((), (), nothing, nothing, nothing)


def factors_of_weights(interactions: Interactions, weights: Matrix, width: int) -> Factors:
    """EASE's weights B [n, n] as factors: the best approximation of rank k (truncated SVD).

    B ~ (U sqrt(S)) (V sqrt(S))', so a row of interactions x has the user vector x U sqrt(S) and an item
    the vector V sqrt(S) (Eckart and Young 1936). V and S come from the eigenvectors of B'B, which always
    converge. The sign of each dimension is fixed: its largest entry is positive.

    Args:
        interactions: the matrix that the weights were fitted to.
        weights: float32 [n, n].
        width: the greatest k; singular values too small for float32 are left out.

    Returns:
        Factors of all users and items.
    """
    rank = min(width, len(interactions.items))
    if rank < 1:
        return no_factors()
    with threadpool_limits(1):
        last = len(interactions.items) - 1
        values, right = eigh(weights.T @ weights, subset_by_index=[last - rank + 1, last], check_finite=False)
    strength = np.sqrt(np.maximum(values[::-1], 0.0))
    kept = strength > _FAINT * strength[0]
    strength, right = strength[kept], right[:, ::-1][:, kept]
    if not len(strength):
        return no_factors()
    largest = np.abs(right).argmax(axis=0)
    right = right * np.where(right[largest, np.arange(len(strength))] < 0, -1.0, 1.0)
    vectors = np.ascontiguousarray(right * np.sqrt(strength), dtype=np.float32)
    fold_in = np.ascontiguousarray(weights @ right / np.sqrt(strength), dtype=np.float32)
    users = np.asarray(interactions.matrix @ fold_in, dtype=np.float32)
    return Factors(interactions.users, interactions.items, users, vectors, fold_in)


def projection(items: Matrix, regularisation: float) -> Matrix:
    """The matrix that turns interactions into user vectors by least squares: Y (Y'Y + r I)^-1.

    Args:
        items: item factors Y, float32 [n, k].
        regularisation: r, above 0.

    Returns:
        float32 [n, k].
    """
    with threadpool_limits(1):
        gram = items.T @ items + regularisation * np.eye(items.shape[1], dtype=np.float32)
        return np.ascontiguousarray(np.linalg.solve(gram, items.T).T, dtype=np.float32)
