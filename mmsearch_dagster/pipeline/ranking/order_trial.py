"""The trial of orders: ways to order candidates, on queries that neither model nor ranker learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mmsearch_dagster.core.evaluation.judged_queries import (
    METRIC,
    JudgedQueries,
    Rankings,
    ScoredRankings,
    blend,
    score,
)
from mmsearch_dagster.core.labels.provenance import JUDGED
from mmsearch_dagster.core.metrics.bootstrap import paired_difference
from mmsearch_dagster.core.modalities import AUDIO, IMAGE
from mmsearch_dagster.core.ranking.choose_order import FEWEST, OrderChoice, choose_order, choose_orders
from mmsearch_dagster.core.ranking.cross_fit import Trainer, folds_of, out_of_fold_scores
from mmsearch_dagster.core.ranking.features import RankedCandidates, feature_rows
from mmsearch_dagster.core.ranking.rankers.stage import PREFERRED, TRAINERS
from mmsearch_dagster.core.ranking.statistics import TermStatistics
from mmsearch_dagster.core.ranking.training_set import TrainingSet
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import (
    BY_RANKS,
    BY_SCORES,
    LEARNED,
    SCORED_RETRIEVERS,
    VECTOR_RETRIEVER,
    fuse,
    retriever_weights,
)
from mmsearch_dagster.core.retrieval.score_fusion import ScoredList
from mmsearch_dagster.pipeline.retrieval.engine_rankings import CatalogueWords
from mmsearch_dagster.serving.candidate_order import by_scores, ranker_input

_FOLDS, _FOLDS_OF_MANY = 5, 3
# Two thirds of so many queries teach a ranker as well as four fifths do.
_MANY_QUERIES = 2_000
SEED = 7
_SINGLE = tuple(name for name in SCORED_RETRIEVERS if name != VECTOR_RETRIEVER)


@dataclass(frozen=True)
class CandidateLists:
    """Judged queries and what each retriever brings for them.

    texts, kinds, grades: by query id. lists: query id -> retriever -> its products, none of them empty.
    """

    texts: Mapping[str, str | None]
    kinds: Mapping[str, str]
    grades: Mapping[str, Mapping[str, int]]
    lists: Mapping[str, Mapping[str, ScoredList]]

    @classmethod
    def of(cls, *parts: tuple[JudgedQueries, Mapping[str, ScoredRankings]], photos: bool) -> "CandidateLists":
        """The judged queries of some sets that have words.

        Args:
            parts: each with retriever -> query id -> products.
            photos: also those of a photo alone.
        """
        chosen = [
            (queries, key, row, lists)
            for queries, lists in parts
            for row, key in rankable(queries, photos=photos)
        ]
        return cls(
            texts={key: queries.texts[row] for queries, key, row, _ in chosen},
            kinds={key: queries.kinds[key] for queries, key, _, _ in chosen},
            grades={key: queries.grades[key] for queries, key, _, _ in chosen},
            lists={
                key: {name: lists[name][key] for name in SCORED_RETRIEVERS if lists.get(name, {}).get(key)}
                for _, key, _, lists in chosen
            },
        )

    def by_kind(self) -> dict[str, dict[str, Mapping[str, int]]]:
        """Kind -> query id -> grades, kinds in order of their names."""
        kinds = sorted(set(self.kinds.values()))
        return {
            kind: {key: self.grades[key] for key, other in self.kinds.items() if other == kind}
            for kind in kinds
        }

    def features(self, words: CatalogueWords, statistics: TermStatistics) -> dict[str, RankedCandidates]:
        """Query id -> its candidates with their features, as they are computed in serving."""
        return {
            key: feature_rows(
                words.ranked_query(self.texts[key]), ranker_input(lists, words.items), statistics
            )
            for key, lists in self.lists.items()
        }

    def by_scores(self, words: CatalogueWords) -> dict[str, list[str]]:
        """Query id -> its products in the order that learns nothing, as it is served."""
        return {
            key: _ids(by_scores(words.ranked_query(self.texts[key]), lists, words.items))
            for key, lists in self.lists.items()
        }


def ranker_folds(queries: int) -> int:
    """In how many folds a ranker is tried on so many queries: each is a training.

    >>> ranker_folds(500), ranker_folds(5_000)
    (5, 3)
    """
    return _FOLDS if queries < _MANY_QUERIES else _FOLDS_OF_MANY


def with_words(queries: JudgedQueries) -> list[tuple[int, str]]:
    """Row and id of the queries that people judged and that have words."""
    rows = zip(queries.batch.ids, queries.texts, queries.provenance, strict=True)
    return [(row, key) for row, (key, text, provenance) in enumerate(rows) if text and provenance == JUDGED]


def rankable(queries: JudgedQueries, *, photos: bool) -> list[tuple[int, str]]:
    """Row and id of the queries that people judged and that have words, or where wanted a photo alone."""
    rows = zip(queries.batch.ids, queries.provenance, strict=True)
    shown = queries.batch.present.get(IMAGE) if photos else None
    of_photos = [
        (row, key)
        for row, (key, provenance) in enumerate(rows)
        if shown is not None and shown[row] and not queries.texts[row] and provenance == JUDGED
    ]
    return sorted([*with_words(queries), *of_photos])


@dataclass(frozen=True)
class OrderTrial:
    """What every way answers, and what was chosen.

    ranker: of TRAINERS. rankings: name -> rankings; BY_SCORES, BY_RANKS, LEARNED and each retriever.
    learned: of each of TRAINERS. choices: one per kind with enough queries.
    """

    ranker: str
    rankings: Mapping[str, Rankings]
    learned: Mapping[str, Rankings]
    choices: Sequence[OrderChoice]

    def metrics(self, candidates: CandidateLists) -> dict[str, float]:
        """Cross-fitted nDCG@10 of every way to order, by kind: `words/ensemble/ndcg@10`."""
        ways = {name: rankings for name, rankings in self.rankings.items() if name != LEARNED}
        metrics: dict[str, float] = {}
        for kind, grades in candidates.by_kind().items():
            for name, rankings in (ways | dict(self.learned)).items():
                values = score({key: rankings.get(key, []) for key in grades}, grades)
                metrics[f"{kind}/{name}/{METRIC}"] = float(np.mean(list(values.values())))
        return metrics

    def chosen(self, kinds: Mapping[str, str]) -> Rankings:
        """What the chosen order answers to the queries of the kinds for which there is a choice."""
        name_of = {choice.kind: choice.single or choice.order for choice in self.choices}
        return {
            key: self.rankings[name_of[kind]].get(key, []) for key, kind in kinds.items() if kind in name_of
        }


def try_orders(
    candidates: CandidateLists,
    training: TrainingSet,
    scored: Rankings,
    weights: Mapping[str, Mapping[str, float]],
    *,
    rrf_k: int,
    trainers: Mapping[str, Trainer] = TRAINERS,
) -> OrderTrial:
    """Rank every query in every way and choose per kind.

    Args:
        candidates: queries and lists.
        training: their features and grades.
        scored: of `CandidateLists.by_scores`.
        weights: of the fusion by ranks, kind -> retriever -> weight.
        rrf_k: its constant.
        trainers: of the learned rankers.
    """
    fold_of = folds_of(candidates.texts, folds=ranker_folds(len(candidates.texts)), seed=SEED)
    learned = {
        name: training.rankings(out_of_fold_scores(training, fold_of, train))
        for name, train in trainers.items()
    }
    ranker = choose_ranker(learned, candidates.grades)
    ordered = {
        BY_SCORES: scored,
        BY_RANKS: {
            key: _ids(fuse({name: _ids(entries) for name, entries in lists.items()}, weight_of, rrf_k))
            for key, lists in candidates.lists.items()
            if (weight_of := _all_named(retriever_weights(candidates.kinds[key], weights)))
        },
        LEARNED: learned[ranker],
    }
    retrievers = {
        name: {key: _ids(lists.get(name, ())) for key, lists in candidates.lists.items()}
        for name in SCORED_RETRIEVERS
    }
    singles = {name: retrievers[name] for name in _SINGLE}
    enough = {kind: grades for kind, grades in candidates.by_kind().items() if len(grades) >= FEWEST}
    choices = choose_orders(singles, ordered, enough)
    return OrderTrial(ranker, {**retrievers, **ordered}, learned, choices)


def choose_without_words(
    queries: JudgedQueries, lists: Mapping[str, Rankings], retrieval: RetrievalParams
) -> list[OrderChoice]:
    """The same for judged queries without words where a photo memory answers them, which the ranker does not
    read: one retriever or the blend.

    Args:
        queries: held out of training.
        lists: retriever -> its rankings of them.
        retrieval: with the blend's weights.
    """
    judged = set(queries.of_provenance(JUDGED).batch.ids)
    blended = blend(lists, queries, retrieval.weights, rrf_k=retrieval.rrf_k)
    choices = []
    for kind in sorted(set(queries.kinds.values()) - _kinds_with_words(queries)):
        grades = {
            key: queries.grades[key]
            for key, other in queries.kinds.items()
            if other == kind and key in judged
        }
        if len(grades) >= FEWEST:
            singles = {name: lists[name] for name in (IMAGE, AUDIO) if any(lists.get(name, {}).values())}
            choices.append(choose_order(kind, singles, {BY_RANKS: blended}, grades))
    return choices


def _kinds_with_words(queries: JudgedQueries) -> set[str]:
    return {queries.kinds[key] for key, text in zip(queries.batch.ids, queries.texts, strict=True) if text}


def choose_ranker(learned: Mapping[str, Rankings], grades: Mapping[str, Mapping[str, int]]) -> str:
    """PREFERRED, unless another one is shown to be better on all queries together.

    A choice per kind of query, or of the highest mean, was no better on queries outside the choice: there is
    more noise in it than there is to gain.

    Args:
        learned: ranker -> its rankings of queries that it did not learn from, PREFERRED among them.
        grades: query id -> product id -> grade.
    """
    values = {name: score(rankings, grades) for name, rankings in learned.items()}
    ids, chosen = sorted(grades), PREFERRED
    for name in values:
        columns = ([values[name][key] for key in ids], [values[chosen][key] for key in ids])
        if paired_difference(*columns, seed=SEED).low > 0.0:
            chosen = name
    return chosen


def _all_named(weights: Mapping[str, float]) -> dict[str, float]:
    """A retriever that is not named is not used."""
    return {name: weights.get(name, 0.0) for name in SCORED_RETRIEVERS}


def _ids(entries: ScoredList) -> list[str]:
    return [product for product, _ in entries]


def choices_table(choices: Sequence[OrderChoice]) -> pl.DataFrame:
    """One row per kind of query: the order, what was chosen from, and the gain over the best retriever."""
    rows = [
        {
            "kind": choice.kind,
            "order": choice.single or choice.order,
            "queries": choice.queries,
            **{name: choice.means.get(name, np.nan) for name in (*_SINGLE, BY_SCORES, BY_RANKS, LEARNED)},
            "gain": round(choice.gain[0], 4),
            "gain low": round(choice.gain[1], 4),
            "gain high": round(choice.gain[2], 4),
        }
        for choice in choices
    ]
    schema = {"kind": pl.String, "order": pl.String, "queries": pl.Int64}
    names = (*_SINGLE, BY_SCORES, BY_RANKS, LEARNED, "gain", "gain low", "gain high")
    return pl.DataFrame(rows, schema=schema | dict.fromkeys(names, pl.Float64))
