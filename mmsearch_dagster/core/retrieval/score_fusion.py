"""One list from several by their scores: what ranks alone throw away is how far apart two products are."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modality_names import IMAGE, TEXT
from mmsearch_dagster.core.retrieval.rank_fusion import LEXICAL_RETRIEVER

ScoredList = Sequence[tuple[str, float]]
# Of full text; the rest is the mean of the vectors. Chosen on nothing of a shop: the literature's range for
# convex combinations is 0.5 to 0.8 (Bruch, Gai, Ingber, ACM TOIS 2023, doi 10.1145/3596512).
LEXICAL_SHARE = 0.7
# Beside a photo: it says what the product is, the words only what should be different.
LEXICAL_SHARE_BESIDE_PHOTO = 1.0 - LEXICAL_SHARE


def scaled_scores(name: str, scores: Sequence[float]) -> NDArray[np.float64]:
    """Scores of one list as 0 to 1: BM25 against 0, which means something, a cosine against its lowest.

    Args:
        name: of the retriever.
        scores: in any order, [n].

    Returns:
        float64 [n].
    """
    values = np.asarray(scores, dtype=np.float64)
    if not len(values):
        return values
    base = 0.0 if name == LEXICAL_RETRIEVER else float(values.min())
    return (values - base) / max(float(values.max()) - base, 1e-9)


def fuse_scores(lists: Mapping[str, ScoredList]) -> list[tuple[str, float]]:
    """The convex combination of scaled scores: full text has its share, the vectors the mean of the rest.

    A product that a list lacks counts 0 there. Where full text was not searched, or finds nothing, the
    vectors decide alone. Beside a photo full text has the smaller share, and the encoder of texts none: a
    product near the words alone is not near what the photo shows.

    Args:
        lists: retriever -> (product id, score).

    Returns:
        Every product, best first, ties by id.

    >>> fuse_scores({"lexical": [("a", 2.0), ("b", 1.0)], "text": [("b", 0.9), ("c", 0.1)]})
    [('a', 0.7), ('b', 0.65), ('c', 0.0)]
    """
    if lists.get(IMAGE) and (lists.get(LEXICAL_RETRIEVER) or lists.get(TEXT)):
        read = {name: entries for name, entries in lists.items() if name != TEXT}
        weights = {TEXT: 0.0, **fusion_shares(read, LEXICAL_SHARE_BESIDE_PHOTO)}
    else:
        weights = fusion_shares(lists)
    scores: dict[str, float] = {}
    for name, entries in lists.items():
        for (product, _), scaled in zip(
            entries, scaled_scores(name, [score for _, score in entries]), strict=True
        ):
            scores[product] = scores.get(product, 0.0) + weights[name] * float(scaled)
    rounded = ((product, round(score, 9)) for product, score in scores.items())
    return sorted(rounded, key=lambda pair: (-pair[1], pair[0]))


def fusion_shares(lists: Mapping[str, ScoredList], lexical_share: float = LEXICAL_SHARE) -> dict[str, float]:
    """Retriever -> its share of the sum; shares of the lists that have an entry sum to 1."""
    vectors = [name for name, entries in lists.items() if entries and name != LEXICAL_RETRIEVER]
    lexical = lexical_share if lists.get(LEXICAL_RETRIEVER) else 0.0
    lexical = lexical if vectors else 1.0
    return {
        name: lexical if name == LEXICAL_RETRIEVER else (1.0 - lexical) / max(len(vectors), 1)
        for name in lists
    }
