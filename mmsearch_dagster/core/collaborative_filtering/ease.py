"""EASE: item-item weights in closed form."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from mmsearch_dagster.core.errors import UserError

# One dense float32 matrix of items by items may take this much; a second one lives during the solve.
MEMORY_LIMIT = 2 * 1024**3


class TooManyItemsError(UserError):
    """EASE's item-item matrix does not fit the memory limit: take ALS."""


def check_fits(items: int, memory_limit: int = MEMORY_LIMIT) -> None:
    """Raises TooManyItemsError where `items`^2 * 4 bytes are more than `memory_limit`."""
    needed = items * items * 4
    if needed > memory_limit:
        raise TooManyItemsError(
            f"EASE needs {needed / 1024**3:.1f} GiB for {items:,} items, the limit is "
            f"{memory_limit / 1024**3:.1f} GiB: use ALS, or leave rare items out"
        )


def ease_weights(
    interactions: csr_matrix, l2: float, *, memory_limit: int = MEMORY_LIMIT
) -> NDArray[np.float32]:
    """Item-item weights `B`, zero diagonal; a user's scores are `x @ B` for their row `x` [n].

    B minimises |X - X B|^2 + l2 |B|^2 with diag(B) = 0. With P = (X'X + l2 I)^-1:
    B_ij = -P_ij / P_jj for i != j (Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019,
    equation 8). Two items, seen together by one user, each alone by none, l2 = 1: X'X + I = [[2, 1],
    [1, 2]], P = [[2, -1], [-1, 2]] / 3, B_12 = 1/2.

    Args:
        interactions: [u, n].
        l2: regularisation, above 0.
        memory_limit: bytes that the dense matrices may take.

    Returns:
        float32 [n, n]; computed on one thread, so the same bytes on any number of cores.

    Raises:
        TooManyItemsError: the matrices would take more than `memory_limit`.

    >>> ease_weights(csr_matrix([[1.0, 1.0]]), 1.0).round(4).tolist()
    [[0.0, 0.5], [0.5, 0.0]]
    """
    items = int(interactions.shape[1])  # pyright: ignore[reportOptionalSubscript]
    check_fits(items, memory_limit)
    gram = np.asarray((interactions.T @ interactions).todense(), dtype=np.float32, order="F")
    np.fill_diagonal(gram, gram.diagonal() + np.float32(l2))
    with threadpool_limits(1):
        factor = cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
        inverse = cho_solve(factor, np.eye(items, dtype=np.float32), overwrite_b=True, check_finite=False)
    weights = inverse / -inverse.diagonal()
    np.fill_diagonal(weights, 0.0)
    return np.ascontiguousarray(weights, dtype=np.float32)
