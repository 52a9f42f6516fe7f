"""Orders of the catalogue for one person without a query, and which of them the person gets."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.collaborative_filtering.cold_start import nearness, session_scores
from mmsearch_dagster.core.personalisation.features import Items, Values
from mmsearch_dagster.core.personalisation.people_state import PeopleState

POPULAR, COLLABORATIVE, TASTE, SESSION = "popular", "collaborative", "taste", "session"
BOTH, ALL = "taste + collaborative", "taste + collaborative + popular"
# What may be chosen for known people; each is a blend of the first three.
PERSONAL = {
    COLLABORATIVE: (COLLABORATIVE,),
    TASTE: (TASTE,),
    BOTH: (TASTE, COLLABORATIVE),
    ALL: (TASTE, COLLABORATIVE, POPULAR),
}
_RRF_K = 60


def scores_of(state: PeopleState, items: Items, person: int) -> dict[str, Values]:
    """Scores of every product for one person, by each order.

    collaborative: product of the factors. taste: mean cosine over the modalities. The others combine these by
    reciprocal rank; a part whose scores are all equal adds nothing.

    Args:
        state: people and popularity.
        items: `i` products.
        person: row of `state`; -1 for an unknown person, who gets `popular` alone.

    Returns:
        Order -> scores [i].
    """
    popular = state.popularity
    if person < 0:
        return {POPULAR: popular}
    factors = state.people.factors
    collaborative = (
        (state.factors @ factors[person]).astype(np.float64) if factors is not None else np.zeros(len(items))
    )
    parts = [
        items.vectors[:, start:stop] @ _unit(state.people.vectors[person, start:stop])
        for start, stop in items.blocks.values()
    ]
    similarity = np.mean(parts, axis=0).astype(np.float64) if parts else np.zeros(len(items))
    single = {POPULAR: popular, COLLABORATIVE: collaborative, TASTE: similarity}
    by_rank = {name: _tells(scores) / (_RRF_K + ranks(scores)) for name, scores in single.items()}
    return single | {
        name: np.sum([by_rank[part] for part in parts], axis=0)
        for name, parts in PERSONAL.items()
        if len(parts) > 1
    }


def order_of(scores: Mapping[str, Values], wanted: str) -> str:
    """The order that a person gets.

    Args:
        scores: what `scores_of` returns.
        wanted: the promoted order.

    Returns:
        `wanted`, or `popular` where no personal score differs between products.
    """
    personal = [scores[part] for part in PERSONAL.get(wanted, ()) if part != POPULAR and part in scores]
    return wanted if any(_tells(values) for values in personal) else POPULAR


def led_by_session(state: PeopleState, items: Items, seen: Sequence[int], personal: Values | None) -> Values:
    """Scores of every product for somebody with a session.

    Combines by reciprocal rank: similarity to the seen products by their factors, with a small share of
    popularity (core.collaborative_filtering.cold_start), where they have factors; mean similarity over the
    modalities; and the personal scores. A part whose scores are all equal adds nothing.

    Args:
        state: people and popularity.
        items: `i` products.
        seen: rows of the products that the session looked at, at least one.
        personal: scores [i] of somebody with a history, else None.

    Returns:
        float64 [i]; the seen products get -inf.
    """
    contents = [nearness(items.vectors[:, start:stop], seen) for start, stop in items.blocks.values()]
    parts: list[NDArray[np.floating]] = [np.mean(contents, axis=0)] if contents else []
    # Without factors of the seen products it would be popularity alone, as strong as what they look like.
    if state.factors[list(seen)].any() or not any(_tells(part) for part in parts):
        parts.append(session_scores(state.factors, state.popularity, seen))
    parts += [personal] if personal is not None else []
    unseen = np.ones(len(items), dtype=bool)
    unseen[list(seen)] = False
    total = np.zeros(len(items))
    for part in parts:
        if _tells(part[unseen]):
            total += 1.0 / (_RRF_K + ranks(part))
    return np.where(unseen, total, -np.inf)


def _tells(scores: NDArray[np.floating]) -> bool:
    rounded = np.round(scores, 9)
    return bool((rounded != rounded[:1]).any())


def ranks(scores: NDArray[np.floating]) -> Values:
    """Rank of each score, from 1; equal scores in the order of their rows.

    Args:
        scores: [n].

    Returns:
        float64 [n].
    """
    order = np.argsort(-np.round(scores, 9), kind="stable")
    rank_of = np.empty(len(scores))
    rank_of[order] = np.arange(1, len(scores) + 1)
    return rank_of


def best(scores: Values, count: int) -> NDArray[np.int64]:
    """The rows with the highest scores.

    Args:
        scores: [n].
        count: how many at most.

    Returns:
        int64 [count], best first, ties by row.
    """
    return np.argsort(-np.round(scores, 9), kind="stable")[:count]


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = float(np.linalg.norm(vector))
    return vector / norm if norm > 0 else vector
