"""How alike two engines answer: the share of products that they have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Answers = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Overlap:
    """share: mean over queries of the common products among the first `k`. same_first: share of queries."""

    share: float
    same_first: float
    queries: int
    k: int

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.share:.0%} of the first {self.k} products are the same, {self.same_first:.0%} of the "
            f"first answers, over {self.queries} queries"
        )


def answer_overlap(before: Answers, after: Answers, *, k: int = 10) -> Overlap | None:
    """Compares two engines on the queries that both have answered; None where there is none.

    Args:
        before: query id -> product ids, best first.
        after: of the other engine.
        k: depth.

    >>> answer_overlap({"q": ["a", "b"]}, {"q": ["a", "c"]}, k=2).share
    0.5
    """
    common = [key for key in before if before[key] and after.get(key)]
    if not common:
        return None
    shares = [
        len(set(before[key][:k]) & set(after[key][:k])) / max(len(before[key][:k]), len(after[key][:k]))
        for key in common
    ]
    same = sum(before[key][0] == after[key][0] for key in common)
    return Overlap(sum(shares) / len(common), same / len(common), len(common), k)
