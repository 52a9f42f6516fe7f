"""People and products that the factors do not know.

A product without interactions has no row of factors: the modality is masked and its content speaks. A
person without a history gets what is popular, led by what this session has looked at.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.collaborative.factors import Factors

# Popularity breaks ties of the session and speaks alone where the session says nothing.
_POPULARITY_SHARE = 0.1


def session_scores(
    factors: Factors, popularity: NDArray[np.float32], session: Sequence[str]
) -> NDArray[np.float32]:
    """Scores [n] for someone of whom only this session's products are known.

    Mean cosine of each item with the session's items, plus a small share of popularity (scaled to 0..1).
    popularity: float32 [n], in the order of `factors.item_ids`. Products that the factors do not know are
    passed over; the session's own products get -inf.
    """
    most = float(popularity.max()) if len(popularity) else 0.0
    popular = popularity / most if most > 0 else popularity
    place = {item: row for row, item in enumerate(factors.item_ids)}
    rows = sorted({place[item] for item in session if item in place})
    if not rows:
        return popular.astype(np.float32)
    lengths = np.linalg.norm(factors.items, axis=1, keepdims=True)
    unit = np.divide(factors.items, lengths, out=np.zeros_like(factors.items), where=lengths > 0)
    near = unit @ unit[rows].mean(axis=0)
    scores = (near + _POPULARITY_SHARE * popular).astype(np.float32)
    scores[rows] = -np.inf
    return scores
