"""Lists made for a person: diverse candidates of the engine, then bent by the shop's rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.business_rules import BusinessRules, apply_rules
from mmsearch_dagster.core.retrieval.diversity import marginal_relevance
from mmsearch_dagster.core.retrieval.query import AnswerHit
from mmsearch_dagster.core.retrieval.variant_groups import VariantFacts
from mmsearch_dagster.serving.engine import Engine

# How many candidates diversity and the shop's rules choose from, and how many results are re-ordered.
CANDIDATES = 200


@dataclass(frozen=True)
class Candidates:
    """Products, best first. scores: [n]; vectors: float32 [n, d], by which they are alike."""

    ids: Sequence[str]
    scores: NDArray[np.floating]
    vectors: Matrix


@dataclass(frozen=True)
class Suggestion:
    """One product of a list. rules: what the shop's rules did to it. variants: all variants of the product
    that this one stands for, None where it has no others."""

    product_id: str
    score: float
    rank: int
    payload: Mapping[str, Any]
    rules: tuple[str, ...] = ()
    variants: VariantFacts | None = None


@dataclass(frozen=True)
class Suggestions:
    """A list with the order it was made by, and what has to be said about it."""

    hits: tuple[Suggestion, ...]
    order: str
    note: str
    release_id: str


def listed(
    engine: Engine, candidates: Candidates, rules: BusinessRules, k: int, *, bought: Collection[str] = ()
) -> tuple[Suggestion, ...]:
    """The `k` best, made different by maximal marginal relevance and bent by the shop's rules; scores are
    those of the candidates."""
    chosen = marginal_relevance(
        candidates.scores, candidates.vectors, len(candidates.ids), 1.0 - rules.diversity
    )
    score_of = {candidates.ids[row]: float(candidates.scores[row]) for row in chosen}
    payload = engine.payload(list(score_of))
    ruled = apply_rules(_evenly(list(score_of)), payload, rules, bought=bought)
    groups = engine.table.variant_groups
    first = dict(groups.first_of_each([(product.product_id, 0.0) for product in ruled]))
    shown = [product for product in ruled if product.product_id in first][:k]
    return tuple(
        Suggestion(
            ruled_product.product_id,
            score_of[ruled_product.product_id],
            rank,
            payload[ruled_product.product_id],
            ruled_product.rules,
            groups.facts_of(ruled_product.product_id),
        )
        for rank, ruled_product in enumerate(shown, start=1)
    )


def ruled_hits(hits: Sequence[AnswerHit], rules: BusinessRules) -> list[AnswerHit]:
    """The hits of a search made for a person, best first, as the shop wants them."""
    by_id = {hit.product_id: hit for hit in hits}
    ruled = apply_rules(_evenly(list(by_id)), {key: hit.payload for key, hit in by_id.items()}, rules)
    return [replace(by_id[ruled_product.product_id], rules=ruled_product.rules) for ruled_product in ruled]


def _evenly(ids: Sequence[str]) -> list[tuple[str, float]]:
    """The order is what counts here: the rules see evenly spaced scores."""
    return [(key, 1.0 - n / len(ids)) for n, key in enumerate(ids)]
