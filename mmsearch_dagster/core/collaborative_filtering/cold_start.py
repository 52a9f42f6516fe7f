"""Cold start: people and products that the collaborative factors do not know.

A product without interactions has no row of factors: the modality is masked and its content speaks. A
person without a history gets what is popular, led by what this session has looked at.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.collaborative_filtering.factors import Matrix

# Popularity breaks ties of the session and speaks alone where the session says nothing.
_POPULARITY_SHARE = 0.1


def nearness(vectors: Matrix, session: Sequence[int]) -> NDArray[np.float32]:
    """Mean cosine of each item with the items of a session.

    Args:
        vectors: float32 [n, k]; a row of zeros is an item without a vector.
        session: rows of the session's items, at least one.

    Returns:
        float32 [n]; 0 for items without a vector.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit @ unit[list(session)].mean(axis=0)


def session_scores(
    factors: Matrix, popularity: NDArray[np.floating], session: Sequence[int]
) -> NDArray[np.float32]:
    """Scores for a person without a history, from the products of the current session.

    The score is `nearness` to the session's items, plus a small share of popularity (scaled to 0..1).

    Args:
        factors: collaborative item factors, float32 [n, k].
        popularity: [n].
        session: rows of the session's items; without any the score is popularity alone.

    Returns:
        float32 [n]; the session's own products get -inf.
    """
    most = float(popularity.max()) if len(popularity) else 0.0
    popular = popularity / most if most > 0 else popularity
    rows = sorted(set(session))
    if not rows:
        return popular.astype(np.float32)
    scores = (nearness(factors, rows) + _POPULARITY_SHARE * popular).astype(np.float32)
    scores[rows] = -np.inf
    return scores
