"""Records of the query engine: what goes into it and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmsearch_dagster.core.retrieval.filters.outcome import FilterOutcome
from mmsearch_dagster.core.retrieval.rank_fusion import LEXICAL_RETRIEVER, VECTOR_RETRIEVER
from mmsearch_dagster.core.retrieval.score_fusion import ScoredList
from mmsearch_dagster.core.retrieval.variant_groups import VariantFacts, VariantGroups
from mmsearch_dagster.core.speech.transcript import Transcript
from mmsearch_dagster.core.understanding.understood import Understood

_MOST_QUOTED = 80


@dataclass(frozen=True)
class Query:
    """What a person asks: words, the bytes of a picture file, of a recorded voice, or several of them.

    weights: of a retriever (rank_fusion.RETRIEVERS), for this request instead of the release's. text, image
        and audio weigh in the fused vector too (core.fusion.weighted_query); with 0 they are not used.
    as_typed: the words are searched as they are, and nothing in them is a filter. ignore: kinds or names of
        parts (core.understanding.understood) that are not to be read from the words.
    """

    text: str | None = None
    image: bytes | None = None
    audio: bytes | None = None
    query_id: str = ""
    weights: Mapping[str, float] | None = None
    as_typed: bool = False
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnswerHit:
    """One product. rank: from 1. branches: retriever -> its rank there, None where it did not find it.
    rules: what the shop's rules did to it in a list made for a person. variants: all variants of the product
    that this one stands for, None where it has no others."""

    product_id: str
    score: float
    rank: int
    payload: Mapping[str, Any]
    branches: Mapping[str, int | None]
    rules: tuple[str, ...] = ()
    variants: VariantFacts | None = None


@dataclass(frozen=True)
class Answer:
    """Ranked products of one query.

    problem: why this query has no answer, else None. transcript: of its voice, None where
    there was none. note: where nothing is found or nothing fits, why and what to do, else None. understood:
    what its words say, None without words.
    """

    hits: tuple[AnswerHit, ...]
    release_id: str
    took_ms: float
    kind: str
    query_id: str = ""
    problem: str | None = None
    transcript: Transcript | None = None
    note: str | None = None
    understood: Understood | None = None


def no_result_note(text: str | None, outcome: FilterOutcome | None) -> str:
    """Why an answer is empty and what to do.

    Args:
        text: the words, typed and spoken.
        outcome: what the filter left, None without a filter.
    """
    if outcome and not outcome.passing:
        return f"no product passes the filter {outcome.text}: {outcome.reason}"
    query = f"'{text[:_MOST_QUOTED]}{'…' * (len(text) > _MOST_QUOTED)}'" if text else "this picture"
    among = f" among the {outcome.passing:,} that pass the filter {outcome.text}" if outcome else ""
    looser = "loosen the filter, or " if outcome else ""
    why = "no product has one of these words in its text" if text else "no product can be compared with it"
    return f"nothing is found for {query}{among}: {why}; {looser}ask with other words or with a photo"


def ranked_hits(
    best: Sequence[tuple[str, float]],
    lists: Mapping[str, ScoredList],
    payload: Mapping[str, Any],
    groups: VariantGroups = VariantGroups(),
) -> tuple[AnswerHit, ...]:
    """best: (product id, score), best first. lists: retriever -> its products, best first. groups: variants
    of one product."""
    names = dict.fromkeys((VECTOR_RETRIEVER, LEXICAL_RETRIEVER, *lists))
    shown = {key for key, _ in best}
    ranks = {
        name: {key: rank for rank, (key, _) in enumerate(entries, 1) if key in shown}
        for name, entries in lists.items()
    }
    return tuple(
        AnswerHit(
            product_id=key,
            score=score,
            rank=rank,
            payload=payload[key],
            branches={name: ranks.get(name, {}).get(key) for name in names},
            variants=groups.facts_of(key),
        )
        for rank, (key, score) in enumerate(best, start=1)
    )
