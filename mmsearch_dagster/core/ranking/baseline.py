"""The baseline engine: for each kind of query the single retriever that is best, and nothing learned."""

from collections.abc import Mapping

import numpy as np

from mmsearch_dagster.core.evaluation.judged_queries import BM25, single_retriever
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.ranking.choose_order import alone
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import (
    KINDS_IN_OTHER_SCRIPTS,
    KINDS_WITH_WORDS,
    LEXICAL_RETRIEVER,
    PICTURE,
)

# Name in the tables -> the engine's retriever.
RETRIEVER_OF = {BM25: LEXICAL_RETRIEVER, **{single_retriever(name): name for name in (TEXT, IMAGE)}}


def baseline(
    values: Mapping[str, Mapping[str, float]], kinds: Mapping[str, str], retrieval: RetrievalParams
) -> RetrievalParams:
    """What is released where no challenger may be.

    Args:
        values: single retriever, as named in the tables -> query id -> value.
        kinds: query id -> kind.
        retrieval: of the challenger, for what has nothing to do with order.

    Returns:
        Parameters that leave each kind to one retriever: the best one, full text for words and the pictures'
        encoder for photos where no query says more.
    """
    chosen = dict.fromkeys((*KINDS_WITH_WORDS, *KINDS_IN_OTHER_SCRIPTS), LEXICAL_RETRIEVER) | {PICTURE: IMAGE}
    for kind in set(kinds.values()):
        ids = [key for key, other in kinds.items() if other == kind]
        means = {
            RETRIEVER_OF[name]: float(np.mean([by_query.get(key, 0.0) for key in ids]))
            for name, by_query in sorted(values.items())
            if name in RETRIEVER_OF
        }
        if means:
            chosen[kind] = max(means, key=lambda name: means[name])
    weights = {kind: alone(retriever) for kind, retriever in chosen.items()}
    return retrieval.model_copy(update={"weights": weights, "orders": {}})
