"""What a query memory is worth for queries that came again: its votes are of before, the grades of later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmsearch_dagster.core.evaluation.judged_queries import Rankings, score
from mmsearch_dagster.core.memories.query_lift import lifted
from mmsearch_dagster.core.metrics.bootstrap import Difference, paired_difference
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import PICTURE, QUERY_MEMORY, WORDS
from mmsearch_dagster.core.retrieval.score_fusion import ScoredList

# What a vote may weigh beside the first place of the order without a memory; timid ones first.
WEIGHTS = (1 / 3, 1.0, 3.0)
# Fewer queries that came again decide nothing.
_FEWEST = 20
_SEED = 7


@dataclass(frozen=True)
class MemoryTrial:
    """What a query memory is worth for queries that came again.

    weight: the chosen one, 0 where no gain is shown. queries: how many there were. gain: mean, low, high of
    nDCG@10 at that weight, else at the smallest one; None with too few queries.
    """

    weight: float
    queries: int
    gain: tuple[float, float, float] | None

    @property
    def note(self) -> str:
        """For the report."""
        if self.gain is None:
            return f"no query memory: only {self.queries} logged queries came again, it takes {_FEWEST}"
        mean, low, high = self.gain
        name = (
            f"query memory, weight {self.weight:.2f}" if self.weight else "no query memory, no gain is shown"
        )
        return f"{name}: {mean:+.3f} [{low:+.3f}, {high:+.3f}] on {self.queries} queries that came again"


def try_memory(
    rankings: Rankings, votes: Mapping[str, ScoredList], grades: Mapping[str, Mapping[str, int]]
) -> MemoryTrial:
    """The most timid weight that no bolder one is shown to beat.

    Args:
        rankings: query id -> the order without a memory.
        votes: query id -> of a memory of what was before.
        grades: query id -> product id -> grade by what came later; names the queries.
    """
    if len(grades) < _FEWEST:
        return MemoryTrial(0.0, len(grades), None)
    values = {0.0: _values(rankings, grades)}
    for weight in WEIGHTS:
        raised = {key: _raised(rankings[key], votes[key], weight) for key in grades}
        values[weight] = _values(raised, grades)
    chosen = 0.0
    for weight in WEIGHTS:
        chosen = weight if _gain(values[weight], values[chosen]).low > 0.0 else chosen
    gain = _gain(values[chosen or WEIGHTS[0]], values[0.0])
    return MemoryTrial(chosen, len(grades), (gain.mean, gain.low, gain.high))


def _raised(ranking: Sequence[str], votes: ScoredList, weight: float) -> list[str]:
    return [product for product, _ in lifted([(product, 0.0) for product in ranking], votes, weight)]


def _values(rankings: Rankings, grades: Mapping[str, Mapping[str, int]]) -> list[float]:
    by_query = score(rankings, grades)
    return [by_query[key] for key in sorted(grades)]


def _gain(values: Sequence[float], over: Sequence[float]) -> Difference:
    return paired_difference(list(values), list(over), seed=_SEED)


def with_query_memory(retrieval: RetrievalParams, weight: float) -> RetrievalParams:
    """The parameters with the memory weighing so much for every kind with words and without a photo."""
    if weight == 0.0:
        return retrieval
    kinds = (WORDS, *(kind for kind in retrieval.weights if PICTURE not in kind))
    weights = {kind: {**retrieval.weights.get(kind, {}), QUERY_MEMORY: weight} for kind in kinds}
    return retrieval.model_copy(update={"weights": {**retrieval.weights, **weights}})
