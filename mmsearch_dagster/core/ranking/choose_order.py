"""Chooses how the candidates of each kind of query are ordered: the simplest way within the noise.

Every way has answered the same queries, none of which it learned from. A more complex one is taken only where
it is shown to be better than the one chosen so far: where the interval of the difference excludes zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mmsearch_dagster.core.evaluation.judged_queries import Rankings, score
from mmsearch_dagster.core.metrics.bootstrap import Difference, paired_difference
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import (
    BY_RANKS,
    BY_SCORES,
    LEARNED,
    LEXICAL_RETRIEVER,
    PICTURE,
    VECTOR_RETRIEVER,
    order_of_kind,
)

# A kind with fewer judged queries decides nothing.
FEWEST = 20
_SEED = 7
_UNLEARNED = (BY_SCORES, BY_RANKS)
# Query id -> product id -> grade.
Grades = Mapping[str, Mapping[str, int]]


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


@dataclass(frozen=True)
class _KindValues:
    """What each way is worth for the queries of one kind.

    columns: name -> nDCG@10 of each query, all in one order of the queries. singles: names of retrievers.
    """

    kind: str
    columns: Mapping[str, Sequence[float]]
    singles: Sequence[str]

    @classmethod
    def of(
        cls, kind: str, singles: Mapping[str, Rankings], ordered: Mapping[str, Rankings], grades: Grades
    ) -> "_KindValues":
        ids = sorted(grades)
        columns = {}
        for name, rankings in {**singles, **ordered}.items():
            by_query = score({key: rankings.get(key, []) for key in ids}, grades)
            columns[name] = [by_query[key] for key in ids]
        return cls(kind, columns, sorted(singles))

    @cached_property
    def means(self) -> dict[str, float]:
        return {name: sum(column) / max(len(column), 1) for name, column in self.columns.items()}

    @property
    def best_single(self) -> str:
        return max(self.singles, key=self.means.__getitem__)

    def simplest(self, orders: Sequence[str]) -> str:
        """The first way that none of the more complex ones is shown to beat; orders: simple ones first."""
        chosen = self.best_single
        for name in orders:
            if name in self.columns and _gain(self.columns[name], self.columns[chosen]).low > 0.0:
                chosen = name
        return chosen

    def choice(self, chosen: str) -> OrderChoice:
        """This way as the order of the kind."""
        gain = _gain(self.columns[chosen], self.columns[self.best_single])
        single = chosen if chosen == self.best_single else None
        return OrderChoice(
            self.kind,
            order=BY_RANKS if single else chosen,
            single=single,
            queries=len(self.columns[chosen]),
            means={name: round(mean, 4) for name, mean in self.means.items()},
            gain=(gain.mean, gain.low, gain.high),
        )


def _gain(values: Sequence[float], over: Sequence[float]) -> Difference:
    return paired_difference(list(values), list(over), seed=_SEED)


def choose_order(
    kind: str, singles: Mapping[str, Rankings], ordered: Mapping[str, Rankings], grades: Grades
) -> OrderChoice:
    """The simplest order that none of the more complex ones is shown to beat.

    Args:
        kind: of all the queries.
        singles: retriever -> its rankings.
        ordered: BY_SCORES, BY_RANKS and LEARNED, where they are there, to their rankings.
        grades: query id -> product id -> grade; names the queries.
    """
    values = _KindValues.of(kind, singles, ordered, grades)
    return values.choice(values.simplest((*_UNLEARNED, LEARNED)))


def choose_orders(
    singles: Mapping[str, Rankings], ordered: Mapping[str, Rankings], by_kind: Mapping[str, Grades]
) -> list[OrderChoice]:
    """`choose_order` for each kind, but that the kinds with words show together what their ranker gains.

    Where it beats what they would have without it, a kind with too few queries to show that alone takes the
    learned order too if its mean is the best there.

    Args:
        singles: retriever -> its rankings.
        ordered: BY_SCORES, BY_RANKS and LEARNED to their rankings.
        by_kind: kind -> the grades of its queries.
    """
    every = [_KindValues.of(kind, singles, ordered, grades) for kind, grades in by_kind.items()]
    shown = _learned_is_shown([values for values in every if values.kind != PICTURE])
    choices = []
    for values in every:
        best = max(values.means, key=values.means.__getitem__)
        takes_it = shown and best == LEARNED and values.kind != PICTURE
        choices.append(values.choice(LEARNED if takes_it else values.simplest((*_UNLEARNED, LEARNED))))
    return choices


def _learned_is_shown(kinds: Sequence[_KindValues]) -> bool:
    """Whether the learned order beats the simplest one without it over all queries of these kinds."""
    learned = [value for values in kinds for value in values.columns[LEARNED]]
    other = [value for values in kinds for value in values.columns[values.simplest(_UNLEARNED)]]
    return bool(learned) and _gain(learned, other).low > 0.0


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
