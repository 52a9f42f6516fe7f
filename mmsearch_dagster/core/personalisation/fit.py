"""From training rows to a person's ranker with its decision: propensities, training, the test period."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

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
from mmsearch_dagster.core.personalisation.features import columns_of, feature_names
from mmsearch_dagster.core.personalisation.person_ranker import LinearPersonRanker, PersonSpec
from mmsearch_dagster.core.personalisation.person_rows import sigmoid
from mmsearch_dagster.core.personalisation.propensity import Propensities, estimate
from mmsearch_dagster.core.personalisation.training_rows import TrainingRows
from mmsearch_dagster.core.ranking.rankers.linear import moments, standardised, train_linear

Values = NDArray[np.float64]
# Beyond so many standard deviations a value says no more of how relevant a product is.
_MOST = 5.0


class RankerParams(BaseModel):
    """How to train and to decide. training_clip: largest inverse propensity of a click that is learned from;
    clip: of one that is measured by, where variance matters less than bias. l2: of the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    l2: float = Field(default=1.0, gt=0)
    training_clip: float = Field(default=3.0, ge=1)
    clip: float = Field(default=10.0, ge=1)
    seed: int = 7
    test_share: float = Field(default=0.2, gt=0, lt=0.5)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    resamples: int = Field(default=2000, ge=100)
    min_pages: int = Field(default=50, ge=2)


@dataclass(frozen=True)
class FittedRanker:
    """A ranker, what it showed on the test period, and what that decides.

    measures: AUC of its score for a click on a shown product, test period; calibration error of the chance of
    a click where the product was shown; both with and without the person.
    """

    ranker: LinearPersonRanker
    metrics: RankerMetrics
    decision: RankerDecision
    measures: Mapping[str, float]

    @property
    def weights(self) -> dict[str, float]:
        """Feature -> its weight, of standardised values, the strongest first."""
        weights = zip(self.ranker.spec.features, self.ranker.linear.weights.tolist(), strict=True)
        return dict(sorted(weights, key=lambda part: -abs(part[1])))


def fit_ranker(
    dataset: TrainingRows,
    sizes: tuple[int, int],
    blocks: Mapping[str, tuple[int, int]],
    params: RankerParams,
) -> FittedRanker:
    """Train on the first `sizes[0]` rows, decide by the last `sizes[1]`: parted by time.

    Scaling and propensities are of the training rows alone.
    """
    train, test = dataset.part(0, sizes[0]), dataset.part(sizes[0], sum(sizes))
    names = feature_names(list(blocks))
    looks = _propensities(train, names)
    weights = looks.weights(train.position, params.training_clip)
    linear = train_linear(train.training_set(), l2=params.l2, gain_weights=weights)
    click = click_odds(linear.predict(train.features), train.grade > 0, looks.of(train.position))
    spec = PersonSpec(features=names, blocks=dict(blocks), propensities=looks.by_position, click=click)
    ranker = LinearPersonRanker(linear, spec)
    metrics, measures = examine(ranker, test, params.clip)
    decision = decide(
        metrics,
        min_pages=params.min_pages,
        confidence=params.confidence,
        resamples=params.resamples,
        seed=params.seed,
    )
    return FittedRanker(ranker, metrics, decision, measures)


def _propensities(train: TrainingRows, names: tuple[str, ...]) -> Propensities:
    """By what is known of the products, but for the order they were shown in."""
    scaled = np.clip(standardised(train.features, *moments(train.features)), -_MOST, _MOST)
    without_order = [n for n in range(len(names)) if n not in columns_of(names)["order"]]
    return estimate(train.position, train.grade > 0, scaled[:, without_order])


def click_odds(scores: Values, clicked: NDArray[np.bool_], look: Values) -> tuple[float, float]:
    """Slope and intercept of the log odds of a click, once looked at, over the score.

    The most likely ones of the position-based click model, P(click) = look * sigmoid(slope * score +
    intercept), with its chances to be looked at given (Richardson, Dominowska and Ragno, Predicting Clicks,
    WWW 2007).

    Args:
        scores: [n].
        clicked: [n].
        look: chance that the product was looked at, [n], above 0.
    """
    from scipy.optimize import minimize

    def loss(parts: Values) -> float:
        chance = np.clip(look * sigmoid(parts[0] * scores + parts[1]), 1e-9, 1.0 - 1e-9)
        return -float(np.where(clicked, np.log(chance), np.log1p(-chance)).mean())

    best = minimize(loss, np.array([1.0, -1.0]), method="L-BFGS-B", bounds=[(0.0, 20.0), (-15.0, 15.0)])
    return float(best.x[0]), float(best.x[1])


def examine(
    ranker: LinearPersonRanker, test: TrainingRows, clip: float
) -> tuple[RankerMetrics, dict[str, float]]:
    """Measures the ranker on the test period.

    Args:
        ranker: the trained ranker.
        test: rows of the test period.
        clip: the largest inverse propensity.

    Returns:
        Metrics of every page for the ranker, for the ranker without the person and for the order as shown;
        and name -> summary metric.
    """
    if not len(test.page):
        return RankerMetrics(corrected={}, plain={}), {}
    looks = Propensities(ranker.spec.propensities)
    scores = {
        RANKER: ranker.linear.predict(test.features),
        UNKNOWN_PERSON: ranker.linear.predict(without_person(test.features, ranker.spec.features)),
        SHOWN: -test.position.astype(np.float64),
    }
    weights = {"corrected": looks.weights(test.position, clip), "plain": np.ones(len(test.page))}
    metrics = RankerMetrics(
        **{
            kind: {
                name: tuple(page_values(values, test.page, test.grade, weight).tolist())
                for name, values in scores.items()
            }
            for kind, weight in weights.items()
        }
    )
    clicked = test.grade > 0
    measures = {f"AUC, {name}": auc(values, clicked) for name, values in scores.items()}
    for name in (RANKER, UNKNOWN_PERSON):
        chance = looks.of(test.position) * ranker.chances(scores[name])
        measures[f"calibration error, {name}"] = expected_calibration_error(chance, clicked)
    return metrics, measures


def without_person(features: NDArray[np.float32], names: tuple[str, ...]) -> NDArray[np.float32]:
    """The same rows [n, f] as somebody unknown would see them."""
    masked = features.copy()
    masked[:, list(columns_of(names)["person"])] = np.nan
    return masked
