"""From training rows to a personal ranker with its decision: propensities, training, the test period."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.metrics.beyond_accuracy import auc, expected_calibration_error
from mmsearch_dagster.core.personalisation.evaluation import (
    RANKER,
    SHOWN,
    UNKNOWN_PERSON,
    RankerDecision,
    RankerMetrics,
    decide,
    page_values,
)
from mmsearch_dagster.core.personalisation.features import Scaling, columns_of, feature_names
from mmsearch_dagster.core.personalisation.network import Ranker, RankerSpec
from mmsearch_dagster.core.personalisation.propensity import Propensities, estimate
from mmsearch_dagster.core.personalisation.training import RankerParams, Shown, TrainedRanker, train_ranker
from mmsearch_dagster.core.personalisation.training_rows import TrainingRows


@dataclass(frozen=True)
class FittedRanker:
    """A ranker, what it showed on the test period, and what that decides.

    auc: of its score for a click on a shown product, test period. calibration_error: of the chance of a
    click where the product was shown. both with and without the person.
    """

    trained: TrainedRanker
    metrics: RankerMetrics
    decision: RankerDecision
    measures: Mapping[str, float]


def fit_ranker(
    dataset: TrainingRows,
    sizes: tuple[int, int, int],
    blocks: Mapping[str, tuple[int, int]],
    params: RankerParams,
) -> FittedRanker:
    """Train on the first `sizes[0]` rows, stop by the next, decide by the last `sizes[2]`: parted by time.

    Scaling and propensities are of the training rows alone.
    """
    train, validation, test = (
        np.arange(end - size, end) for size, end in zip(sizes, np.cumsum(sizes), strict=True)
    )
    names = feature_names(list(blocks), ())
    scaling = Scaling.of(dataset.features[train])
    scaled = scaling.apply(dataset.features)
    without_order = [n for n in range(len(names)) if n not in columns_of(names)["order"]]
    propensities = estimate(
        dataset.position[train],
        dataset.grade[train] > 0,
        scaled[train][:, without_order].astype(np.float64),
    )
    spec = RankerSpec(
        width=dataset.items.shape[1],
        rank=params.rank,
        hidden=params.hidden,
        drop=params.drop,
        seed=params.seed,
        blocks=dict(blocks),
        features=names,
        mean=scaling.mean,
        spread=scaling.spread,
        propensities=propensities.by_position,
    )
    parts = [_shown(dataset, scaled, rows, propensities, params.clip) for rows in (train, validation, test)]
    trained = train_ranker(parts[0], parts[1], spec, params)
    metrics, measures = examine(trained.ranker, parts[2], dataset.position[test])
    decision = decide(
        metrics,
        min_pages=params.min_pages,
        confidence=params.confidence,
        resamples=params.resamples,
        seed=params.seed,
    )
    return FittedRanker(trained, metrics, decision, measures)


def _shown(
    dataset: TrainingRows,
    scaled: NDArray[np.float32],
    rows: NDArray[np.int64],
    chances: Propensities,
    clip: float,
) -> Shown:
    return Shown(
        people=dataset.people[rows],
        items=dataset.items[rows],
        features=scaled[rows],
        page=dataset.page[rows],
        grade=dataset.grade[rows],
        weight=chances.weights(dataset.position[rows], clip),
        look=chances.of(dataset.position[rows]),
    )


def without_person(shown: Shown, names: tuple[str, ...]) -> Shown:
    """The same rows as somebody unknown would see them."""
    features = shown.features.copy()
    features[:, list(columns_of(names)["person"])] = 0.0
    return replace(shown, people=np.zeros_like(shown.people), features=features)


def examine(
    ranker: Ranker, test: Shown, positions: NDArray[np.int64]
) -> tuple[RankerMetrics, dict[str, float]]:
    """Measures the ranker on the test period.

    Args:
        ranker: the trained ranker.
        test: rows of the test period.
        positions: the position at which each row was shown, int64 [rows].

    Returns:
        Metrics of every page for the ranker, for the ranker without the person and for the order as shown;
        and name -> summary metric.
    """
    if not len(test):
        return RankerMetrics(corrected={}, plain={}), {}
    unknown = without_person(test, ranker.spec.features)
    scores = {
        RANKER: ranker.scores(test.people, test.items, test.features),
        UNKNOWN_PERSON: ranker.scores(unknown.people, unknown.items, unknown.features),
        SHOWN: -positions.astype(np.float32),
    }
    plain = np.ones(len(test))
    metrics = RankerMetrics(
        corrected={
            name: tuple(page_values(values, test.page, test.grade, test.weight).tolist())
            for name, values in scores.items()
        },
        plain={
            name: tuple(page_values(values, test.page, test.grade, plain).tolist())
            for name, values in scores.items()
        },
    )
    clicked = test.grade > 0
    measures = {f"AUC, {name}": auc(values.astype(np.float64), clicked) for name, values in scores.items()}
    for name in (RANKER, UNKNOWN_PERSON):
        chance = test.look / (1.0 + np.exp(-scores[name].astype(np.float64)))
        measures[f"calibration error, {name}"] = expected_calibration_error(chance, clicked)
    return metrics, measures
