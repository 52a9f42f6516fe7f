"""How the candidates of each kind of query are ordered: the simplest way within the noise.

Every way has answered the same queries, none of which it learned from. A more complex one is taken only where
it is shown to be better than the one chosen so far: where the interval of the difference excludes zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmsearch_dagster.core.evaluation.judged_queries import Rankings, score
from mmsearch_dagster.core.metrics.bootstrap import paired_difference
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import (
    BY_RANKS,
    BY_SCORES,
    LEARNED,
    LEXICAL_RETRIEVER,
    VECTOR_RETRIEVER,
    order_of_kind,
)

# A kind with fewer judged queries decides nothing.
FEWEST = 20
_SEED = 7


@dataclass(frozen=True)
class OrderChoice:
    """What one kind of query is ordered by, and what that was chosen from.

    order: of rank_fusion.ORDERS. single: the best single retriever, where nothing is shown to beat it.
    means: name -> mean nDCG@10 over `queries` queries. gain: over the best single retriever: mean, low, high.
    """

    kind: str
    order: str
    single: str | None
    queries: int
    means: Mapping[str, float]
    gain: tuple[float, float, float]


def choose_order(
    kind: str,
    singles: Mapping[str, Rankings],
    ordered: Mapping[str, Rankings],
    grades: Mapping[str, Mapping[str, int]],
) -> OrderChoice:
    """The simplest order that none of the more complex ones is shown to beat.

    Args:
        kind: of all the queries.
        singles: retriever -> its rankings.
        ordered: BY_SCORES, BY_RANKS and LEARNED, where they are there, to their rankings.
        grades: query id -> product id -> grade; names the queries.
    """
    values = {name: score(_of(rankings, grades), grades) for name, rankings in {**singles, **ordered}.items()}
    ids = sorted(grades)
    columns = {name: [by_query[key] for key in ids] for name, by_query in values.items()}
    means = {name: sum(column) / max(len(ids), 1) for name, column in columns.items()}
    best_single = max(sorted(singles), key=lambda name: means[name])
    chosen = best_single
    for name in (BY_SCORES, BY_RANKS, LEARNED):
        if name in ordered and paired_difference(columns[name], columns[chosen], seed=_SEED).low > 0.0:
            chosen = name
    gain = paired_difference(columns[chosen], columns[best_single], seed=_SEED)
    single = chosen if chosen == best_single else None
    return OrderChoice(
        kind,
        order=BY_RANKS if single else chosen,
        single=single,
        queries=len(ids),
        means={name: round(mean, 4) for name, mean in means.items()},
        gain=(gain.mean, gain.low, gain.high),
    )


def _of(rankings: Rankings, grades: Mapping[str, Mapping[str, int]]) -> Rankings:
    return {key: rankings.get(key, []) for key in grades}


def with_choices(retrieval: RetrievalParams, choices: Sequence[OrderChoice]) -> RetrievalParams:
    """The parameters with what was chosen; a kind for which nothing was chosen keeps its own.

    Args:
        retrieval: with weights per kind, for what is ordered by ranks.
        choices: one per kind at most.
    """
    orders = {**retrieval.orders, **{choice.kind: choice.order for choice in choices}}
    weights = dict(retrieval.weights)
    weights |= {choice.kind: alone(choice.single) for choice in choices if choice.single}
    return retrieval.model_copy(update={"orders": orders, "weights": weights})


def alone(retriever: str) -> dict[str, float]:
    """The weights that leave the order to one retriever.

    >>> alone("lexical")
    {'vector': 0.0, 'lexical': 1.0}
    """
    return {VECTOR_RETRIEVER: 0.0, retriever: 1.0}


def untried(retrieval: RetrievalParams, kinds: Sequence[str]) -> RetrievalParams:
    """Kinds that nobody judged enough of: fused by scores, which learns nothing and needs no choice.

    Where the order of one alike is learned, they take that: spoken words are ranked as typed ones are.
    """
    orders = {
        kind: BY_SCORES
        for kind in kinds
        if order_of_kind(kind, retrieval.orders) != LEARNED and not _reads_full_text_alone(retrieval, kind)
    }
    return retrieval.model_copy(update={"orders": {**orders, **retrieval.orders}})


def _reads_full_text_alone(retrieval: RetrievalParams, kind: str) -> bool:
    weights = retrieval.weights.get(kind, {})
    return weights.get(VECTOR_RETRIEVER) == 0.0 and bool(weights.get(LEXICAL_RETRIEVER))
