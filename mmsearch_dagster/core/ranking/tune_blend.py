"""Tunes the blend: which weight each retriever has, per kind of query, on queries held out of training."""

from collections.abc import Mapping, Sequence

import numpy as np

from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, Rankings, blend, score
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import (
    KINDS_IN_OTHER_SCRIPTS,
    KINDS_WITH_WORDS,
    LEXICAL_RETRIEVER,
    PHOTO_MEMORY,
    PICTURE,
    TYPED_RETRIEVER,
    VECTOR_RETRIEVER,
    chosen_for,
    kinds_alike,
)

# Weights a retriever may take beside the fused vector's 1.0.
WEIGHTS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
# Where there are too few queries to choose by; and where the words say nothing to the encoder either.
FALLBACK = {LEXICAL_RETRIEVER: 0.25}
FULL_TEXT_ALONE = {VECTOR_RETRIEVER: 0.0, LEXICAL_RETRIEVER: 1.0}
_FEWEST = 10
# What the ranking of an encoder must add to be used at all.
_WORTH = 0.005
# What a choice beyond those weights must add: it is made on few queries, and without the fused vector a query
# that no other retriever knows finds nothing.
_WORTH_MORE = 0.02
_BEYOND = ({VECTOR_RETRIEVER: 0.0}, {LEXICAL_RETRIEVER: 4.0}, {LEXICAL_RETRIEVER: 8.0})
# Judged photos answer a photo without any other retriever, where nothing else is worth adding.
PHOTO_MEMORY_ALONE = {VECTOR_RETRIEVER: 0.0, PHOTO_MEMORY: 1.0}
_SWEEPS = 2


def choose_blend(
    retrievers: Mapping[str, Rankings], queries: JudgedQueries, *, multilingual: bool
) -> RetrievalParams:
    """Weights per kind of query with the best mean nDCG@10, one retriever after the other, twice over.

    Full-text search takes the larger weight of a tie; an encoder's own ranking must be worth it. Where much
    is won by it, full-text search outweighs all else or the fused vector is not asked: words that the
    encoder cannot read are found by their letters. A kind with too few queries takes what is right for one
    that is alike, or FALLBACK; words in a script of their own FULL_TEXT_ALONE, also where another choice adds
    little, unless the text encoder is multilingual. Beside a picture such words are blended as others are:
    the picture is read.
    """
    kinds = queries.kinds
    unread = () if multilingual else KINDS_IN_OTHER_SCRIPTS
    every = {*kinds.values(), *KINDS_WITH_WORDS, *unread}
    chosen: dict[str, dict[str, float]] = {}
    for kind in sorted(every, key=lambda kind: (len(kinds_alike(kind)), kind)):
        members = [key for key, query_kind in kinds.items() if query_kind == kind]
        if len(members) >= _FEWEST:
            chosen[kind] = _best_weights(retrievers, queries, kind, members, unread=kind in unread)
        elif kind == PICTURE:
            chosen[kind] = {}
        elif kind in unread:
            chosen[kind] = dict(FULL_TEXT_ALONE)
        else:
            chosen[kind] = chosen_for(kind, chosen, FALLBACK)
    return RetrievalParams(weights=chosen)


def _best_weights(
    retrievers: Mapping[str, Rankings],
    queries: JudgedQueries,
    kind: str,
    members: Sequence[str],
    *,
    unread: bool,
) -> dict[str, float]:
    """Coordinate ascent from the fused vector alone; retrievers without a result are left out."""
    part = {name: {key: rankings[key] for key in members} for name, rankings in retrievers.items()}
    given = (
        VECTOR_RETRIEVER,
        TYPED_RETRIEVER,
    )  # weights 1, and what is left
    names = [name for name, rankings in part.items() if name not in given and any(rankings.values())]
    grades = {key: queries.grades[key] for key in members}

    def value(weights: Mapping[str, float]) -> float:
        blended = blend(part, queries, {kind: weights})
        return round(float(np.mean(list(score(blended, grades).values()))), 4)

    chosen = dict.fromkeys(sorted(names, key=lambda name: (name != LEXICAL_RETRIEVER, name)), 0.0)
    for _ in range(_SWEEPS):
        before = dict(chosen)
        for name in chosen:
            metrics = {weight: value({**chosen, name: weight}) for weight in WEIGHTS}
            chosen[name] = _best(metrics, eager=name == LEXICAL_RETRIEVER)
        if chosen == before:
            break
    best = {name: weight for name, weight in chosen.items() if weight}
    available = {VECTOR_RETRIEVER, *names} if best else set[str]()
    for other in [{**best, **beyond} for beyond in _BEYOND if available.issuperset(beyond)]:
        best = other if value(other) > value(best) + _WORTH_MORE else best
    if unread and LEXICAL_RETRIEVER in names and value(FULL_TEXT_ALONE) >= value(best) - _WORTH_MORE:
        # Queries made from titles repeat them, and even an encoder that cannot read finds equal signs.
        return dict(FULL_TEXT_ALONE)
    if kind == PICTURE and PHOTO_MEMORY in names and value(PHOTO_MEMORY_ALONE) >= value(best) - _WORTH:
        return dict(PHOTO_MEMORY_ALONE)
    return best


def _best(metrics: Mapping[float, float], *, eager: bool) -> float:
    if eager:
        return max(metrics, key=lambda weight: (metrics[weight], weight))
    best = max(metrics, key=lambda weight: (metrics[weight], -weight))
    return best if metrics[best] > metrics[0.0] + _WORTH else 0.0
