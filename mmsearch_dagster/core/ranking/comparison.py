"""Learned rankers compared on judged queries: cross-fitted, beside the engines that learn nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mmsearch_dagster.core.evaluation.judged_queries import score
from mmsearch_dagster.core.metrics.bootstrap import Difference, Interval, interval, paired_difference
from mmsearch_dagster.core.ranking.cross_fit import Trainer, folds_of, out_of_fold_scores
from mmsearch_dagster.core.ranking.features import COLUMN
from mmsearch_dagster.core.ranking.training_set import TrainingSet

BASELINE = "stemmed BM25"
FUSED_SCORES = "fused scores"
METRICS = ("ndcg@10", "recall@1")
Rankings = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class EngineFigures:
    """One engine by one metric. gain: over the baseline, on the same queries."""

    engine: str
    metric: str
    value: Interval
    gain: Difference

    @property
    def is_shown(self) -> bool:
        """Whether it beats the baseline: only where the interval of the gain excludes zero."""
        return self.gain.low > 0.0


def compare_rankers(
    training: TrainingSet,
    texts: Mapping[str, str | None],
    grades: Mapping[str, Mapping[str, int]],
    *,
    baseline: Rankings,
    trainers: Mapping[str, Trainer],
    folds: int = 5,
    seed: int = 7,
) -> list[EngineFigures]:
    """Figures of the baseline, of the fused scores and of each ranker, metric by metric.

    Args:
        training: the candidates of all judged queries.
        texts: query id -> its words; nearly equal queries share a fold.
        grades: query id -> product id -> grade.
        baseline: query id -> products, best first.
        trainers: name -> what trains the ranker of that name.
        folds: how many; every query is ranked once, by a ranker that did not see its fold.
        seed: of folds and intervals.
    """
    fold_of = folds_of(texts, folds=folds, seed=seed)
    fused = np.nan_to_num(training.features[:, COLUMN["score_fusion"]].astype(np.float64))
    engines: dict[str, Rankings] = {BASELINE: baseline, FUSED_SCORES: training.rankings(fused)}
    for name, train in trainers.items():
        engines[name] = training.rankings(out_of_fold_scores(training, fold_of, train))
    return [
        _figures(name, metric, score(rankings, grades, metric), score(baseline, grades, metric), seed)
        for metric in METRICS
        for name, rankings in engines.items()
    ]


def simplest_within_noise(figures: Sequence[EngineFigures], metric: str = METRICS[0]) -> str:
    """The engine to release: of those that are shown to beat the baseline the best one, else the baseline.

    Of two that beat it the later one, which is the more complex, must be better by more than the half width
    of its own interval.
    """
    chosen = next(each for each in figures if each.engine == BASELINE and each.metric == metric)
    for candidate in (each for each in figures if each.metric == metric and each.is_shown):
        noise = 0.0 if chosen.engine == BASELINE else (candidate.gain.high - candidate.gain.low) / 2
        if candidate.value.mean - chosen.value.mean > noise:
            chosen = candidate
    return chosen.engine


def _figures(
    engine: str, metric: str, values: Mapping[str, float], baseline: Mapping[str, float], seed: int
) -> EngineFigures:
    ids = sorted(baseline)
    column, reference = ([part[key] for key in ids] for part in (values, baseline))
    return EngineFigures(
        engine,
        metric,
        value=interval(column, seed=seed),
        gain=paired_difference(column, reference, seed=seed),
    )


def figures_table(figures: Sequence[EngineFigures]) -> pl.DataFrame:
    """One row per engine and metric: mean, interval, gain over the baseline and its interval."""
    rows = [
        {
            "engine": each.engine,
            "metric": each.metric,
            "queries": each.value.queries,
            "mean": round(each.value.mean, 4),
            "low": round(each.value.low, 4),
            "high": round(each.value.high, 4),
            "gain": round(each.gain.mean, 4),
            "gain_low": round(each.gain.low, 4),
            "gain_high": round(each.gain.high, 4),
        }
        for each in figures
    ]
    return pl.DataFrame(rows)
