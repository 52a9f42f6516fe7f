"""Words beside a photo: the photo says what it is, the words what should be different."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.retrieval.score_fusion import ScoredList

_Values = NDArray[np.float64]
# The photo's nearest products, and the difference of cosines at which one says a third as much.
_NEAREST = 10
_TEMPERATURE = 0.05


def category_shares(photo: ScoredList, category_of: Sequence[str | None], rows: Sequence[int]) -> _Values:
    """How much of a photo's nearest products are of each product's category.

    Args:
        photo: the products nearest to it, best first, with cosines; not empty.
        category_of: of each of `n` candidates.
        rows: which candidate each entry of `photo` is.

    Returns:
        float64 [n], 0 to 1.
    """
    nearest = photo[:_NEAREST]
    scores = np.array([score for _, score in nearest], dtype=np.float64)
    weights = np.exp((scores - scores.max()) / _TEMPERATURE)
    share: dict[str | None, float] = {}
    for row, weight in zip(rows, (weights / weights.sum()).tolist(), strict=False):
        share[category_of[row]] = share.get(category_of[row], 0.0) + weight
    return np.array([share.get(category, 0.0) for category in category_of])
