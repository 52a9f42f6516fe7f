"""Lists whose products differ: maximal marginal relevance."""

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.modalities import Matrix


def marginal_relevance(scores: NDArray[np.floating], vectors: Matrix, k: int, trade: float) -> list[int]:
    """Maximal marginal relevance (Carbonell and Goldstein, The use of MMR, SIGIR 1998).

    Each next row maximises trade * score - (1 - trade) * (highest cosine to what is already chosen), scores
    brought into [0, 1]. Ties go to the earlier row.

    Args:
        scores: [n].
        vectors: float32 [n, d]; a row of zeros is similar to nothing.
        k: how many rows to choose.
        trade: 0 to 1; 1 keeps the order of the scores.

    Returns:
        The chosen rows, in their order.

    Raises:
        QueryError: `trade` is outside [0, 1].
    """
    if not 0.0 <= trade <= 1.0:
        raise QueryError(f"diversity trades relevance for difference between 0 and 1, not {trade}")
    count = min(k, len(scores))
    if count <= 0:
        return []
    worth = _unit_range(np.asarray(scores, dtype=np.float64))
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, norm, out=np.zeros_like(vectors, dtype=np.float64), where=norm > 0)
    chosen: list[int] = []
    nearest = np.full(len(worth), -np.inf)
    for _ in range(count):
        repeated = nearest if chosen else np.zeros(len(worth))
        value = trade * worth - (1.0 - trade) * repeated
        value[chosen] = -np.inf
        best = int(np.argmax(value))
        chosen.append(best)
        nearest = np.maximum(nearest, np.round(unit @ unit[best], 9))
    return chosen


def _unit_range(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = float(scores.min()), float(scores.max())
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)
