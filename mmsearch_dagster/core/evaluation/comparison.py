"""The comparison: everything that can answer a query, measured on the same judged queries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mmsearch_dagster.core.evaluation.judged_queries import (
    METRIC,
    SINGLE_RETRIEVERS,
    JudgedQueries,
    Rankings,
    blend,
    by_model,
    score,
    single_retriever,
    single_retriever_rankings,
)
from mmsearch_dagster.core.fusion.config import Strategy
from mmsearch_dagster.core.gate.decision import AttributeExposure, EvaluationMetrics
from mmsearch_dagster.core.labels.provenance import JUDGED, Provenance
from mmsearch_dagster.core.metrics.ranking import per_query
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch
from mmsearch_dagster.core.ranking.cross_fit import folds_of
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import (
    LEXICAL_RETRIEVER,
    PHOTO_MEMORY,
    TYPED_RETRIEVER,
    VECTOR_RETRIEVER,
)

if TYPE_CHECKING:
    from mmsearch_dagster.core.fusion.model import TwoTower

ENGINE = "released engine"
FUSED = "fused"
CHAMPION = "champion"
# Where a baseline is released instead of it.
REFUSED = "refused challenger"
RRF = "rrf(bm25, text)"
JUDGED_PHOTOS = "photo memory"
_DEPTHS = (10, 20, 50)
METRICS = (
    *(f"ndcg@{depth}" for depth in _DEPTHS),
    "recall@1",
    *(f"recall@{depth}" for depth in _DEPTHS),
    "mrr",
    "map",
    "top1",
)
# Deep enough for recall@50 and for the blend; the engine takes the same depth from each retriever.
DEPTH = RetrievalParams().depth


def fused_by(strategy: Strategy) -> str:
    """The name that the fused vectors of one strategy have in tables."""
    return f"{FUSED}: {strategy}"


def choose_winner(
    models: Mapping[Strategy, "TwoTower"], items: ModalityBatch, queries: JudgedQueries
) -> Strategy:
    """The strategy with the best mean nDCG@10 on the validation queries; ties take the first.

    Held-out training queries would cost no optimism, but they resemble the training ones too much: on
    photographs taken in the same shops they chose the strategy that was worst on new ones. So that the choice
    flatters no figure, each validation query is measured with the strategy that the others choose
    (`winners_without`).
    """
    return _best(_values_by_strategy(models, items, queries), queries.batch.ids)


def winners_without(
    models: Mapping[Strategy, "TwoTower"], items: ModalityBatch, queries: JudgedQueries
) -> dict[str, Strategy]:
    """Query id -> the strategy that queries of other folds choose; nearly equal queries share a fold."""
    values = _values_by_strategy(models, items, queries)
    fold_of = folds_of(dict(zip(queries.batch.ids, queries.texts, strict=True)))
    winner_of: dict[int, Strategy] = {
        fold: _best(values, [key for key, other in fold_of.items() if other != fold])
        for fold in set(fold_of.values())
    }
    return {key: winner_of[fold] for key, fold in fold_of.items()}


def _values_by_strategy(
    models: Mapping[Strategy, "TwoTower"], items: ModalityBatch, queries: JudgedQueries
) -> dict[Strategy, dict[str, float]]:
    return {
        name: score(by_model(model, queries.batch, items, DEPTH), queries.grades)
        for name, model in models.items()
    }


def _best(values: Mapping[Strategy, Mapping[str, float]], keys: Sequence[str]) -> Strategy:
    """The strategy with the best mean over some queries; ties take the first."""

    def mean(name: Strategy) -> float:
        return float(np.mean([values[name].get(key, 0.0) for key in keys])) if keys else 0.0

    return max(values, key=mean)


def measure(
    models: Mapping[Strategy, "TwoTower"],
    items: ModalityBatch,
    lists: Mapping[str, Rankings],
    queries: JudgedQueries,
) -> dict[str, Rankings]:
    """Every ranking of these queries but the engine's, by the name it has in the tables.

    Args:
        models: by strategy.
        items: the catalogue.
        lists: of the engine's retrievers.
        queries: what was asked.
    """
    measured = untrained(queries, items, lists)
    for name, model in models.items():
        measured[fused_by(name)] = by_model(model, queries.batch, items, DEPTH)
    measured[FUSED] = lists[VECTOR_RETRIEVER]
    if any(lists[PHOTO_MEMORY].values()):
        measured[JUDGED_PHOTOS] = lists[PHOTO_MEMORY]
    return measured


def untrained(
    queries: JudgedQueries, items: ModalityBatch, lists: Mapping[str, Rankings]
) -> dict[str, Rankings]:
    """What needs no training: each single retriever, and the rank fusion of words by both that read them.

    lists: of the engine's retrievers.
    """
    words = {name: lists[name] for name in (LEXICAL_RETRIEVER, TYPED_RETRIEVER)}
    measured = single_retriever_rankings(queries, items, words[LEXICAL_RETRIEVER], DEPTH)
    for name in {TEXT, IMAGE} & {name for name in lists if single_retriever(name) in measured}:
        # What the words of these queries filter, the engine's lists have filtered already.
        measured[single_retriever(name)] |= {key: lists[name][key] for key in queries.understood}
    words_alone = measured.get(single_retriever(TEXT))
    if words_alone is not None:
        both = {VECTOR_RETRIEVER: words_alone, **words}
        equal = {kind: {LEXICAL_RETRIEVER: 1.0} for kind in queries.kinds.values()}
        measured[RRF] = blend(both, queries, equal)
    return measured


@dataclass(frozen=True)
class CrossFitted:
    """What the engine and the retrievers answer to training queries that they did not learn from.

    rankings: name, as in the tables, -> rankings. kinds, grades: of the same queries.
    """

    rankings: Mapping[str, Rankings] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    grades: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def evaluation_metrics(
    measured: Mapping[str, Rankings],
    queries: JudgedQueries,
    metric: str,
    *,
    weights: str,
    note: str | None,
    provenance: Provenance = JUDGED,
    counts: Mapping[Provenance, int] | None = None,
    remembered: Mapping[str, float] | None = None,
    cross_fitted: CrossFitted = CrossFitted(),
    fused_kinds: Collection[str] | None = None,
    slices: Mapping[str, tuple[str, ...]] | None = None,
    exposure: Mapping[str, AttributeExposure] | None = None,
) -> EvaluationMetrics:
    """What the gate decides on.

    Args:
        measured: name -> rankings of `queries`.
        queries: the validation queries.
        metric: the policy's.
        weights: sha256 of the candidate's.
        note: why there is no ranking of a champion in `measured`, where one reigns.
        remembered: the champion's values then, from its own evaluation.
        cross_fitted: more queries on which the engine is held against the retrievers.
        fused_kinds: kinds of query that the engine leaves to the fused vector, blended by ranks; None: all.
        slices: name -> ids of the validation queries in it.
        exposure: attribute of products -> exposure of its values on the validation queries.
        provenance: of `queries`.
        counts: provenance -> how many validation queries there are, those that do not decide too.
    """
    values = {name: score(rankings, queries.grades, metric) for name, rankings in measured.items()}
    more = {
        name: score(rankings, cross_fitted.grades, metric) for name, rankings in cross_fitted.rankings.items()
    }
    absent = dict.fromkeys(cross_fitted.grades, 0.0)
    direct = {key for key, kind in queries.kinds.items() if fused_kinds is None or kind in fused_kinds}
    return EvaluationMetrics(
        weights_sha256=weights,
        kinds={**queries.kinds, **cross_fitted.kinds},
        engine={**values[ENGINE], **more.get(ENGINE, {})},
        fused={key: value for key, value in values[FUSED].items() if key in direct},
        branches={
            name: {**by_query, **more.get(name, absent)}
            for name, by_query in values.items()
            if name in SINGLE_RETRIEVERS
        },
        champion=values.get(CHAMPION) if remembered is None else dict(remembered),
        champion_note=note,
        provenance=provenance,
        counts=dict(counts or {}),
        slices=dict(slices or {}),
        exposure=dict(exposure or {}),
    )


def all_values(
    measured: Mapping[str, Rankings], queries: JudgedQueries, metric: str = METRIC
) -> pl.DataFrame:
    """Scores rankings query by query.

    Args:
        measured: name -> rankings.
        queries: grades and kinds.
        metric: the policy's metric, measured in addition to METRICS.

    Returns:
        One row per query, retriever and metric: `query_id`, `branch`, `kind`, `metric`, `value`.
    """
    metrics = list(dict.fromkeys((*METRICS, metric)))
    kinds = pl.DataFrame(
        {"query_id": list(queries.kinds), "kind": list(queries.kinds.values())},
        schema={"query_id": pl.String, "kind": pl.String},
    )
    parts = [
        per_query(rankings, queries.grades, metrics=metrics).with_columns(branch=pl.lit(name))
        for name, rankings in measured.items()
        if name != FUSED
    ]
    return pl.concat(parts).join(kinds, on="query_id", how="left", maintain_order="left")
