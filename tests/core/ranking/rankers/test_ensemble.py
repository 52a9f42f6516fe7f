"""A linear ranker and trees order together, each in units of its spread."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmsearch_dagster.core.ranking.rankers.ensemble import EnsembleRanker, train_ensemble
from mmsearch_dagster.core.ranking.rankers.lambdamart import LambdaMartParams, train_lambdamart
from mmsearch_dagster.core.ranking.rankers.linear import train_linear
from mmsearch_dagster.core.ranking.rankers.stage import RankingStage, load_stage
from tests.core.ranking.catalogue import STATISTICS
from tests.core.ranking.rankers.test_rankers import made_up

PARAMS = LambdaMartParams(rounds=20)


def test_both_rankers_are_those_that_learn_alone() -> None:
    training, unseen = made_up(), made_up(seed=1)

    ensemble = train_ensemble(training, PARAMS)

    linear, trees = train_linear(training), train_lambdamart(training, PARAMS)
    assert np.array_equal(ensemble.linear.predict(unseen.features), linear.predict(unseen.features))
    assert np.array_equal(ensemble.trees.predict(unseen.features), trees.predict(unseen.features))


def test_each_counts_by_its_spread_within_a_query_not_by_the_size_of_its_scores() -> None:
    training, unseen = made_up(), made_up(seed=1)
    ensemble = train_ensemble(training, PARAMS)

    for ranker, spread in ((ensemble.linear, ensemble.spreads[0]), (ensemble.trees, ensemble.spreads[1])):
        scores = ranker.predict(training.features)
        deviations = [scores[span].std() for _, span in training.spans()]
        assert spread == pytest.approx(np.mean(deviations))

    louder = replace(ensemble.linear, weights=10 * ensemble.linear.weights)
    again = EnsembleRanker(louder, ensemble.trees, ensemble.spreads * np.array([10.0, 1.0]))
    assert np.allclose(again.predict(unseen.features), ensemble.predict(unseen.features))


def test_queries_that_teach_nothing_leave_finite_scores() -> None:
    nothing = made_up(queries=3)
    nothing = replace(nothing, grades=0 * nothing.grades)

    assert np.isfinite(train_ensemble(nothing, PARAMS).predict(nothing.features)).all()


def test_it_is_stored_and_read(tmp_path: Path) -> None:
    ensemble = train_ensemble(made_up(), PARAMS)
    RankingStage("ensemble", ensemble, STATISTICS).save(tmp_path)

    stage = load_stage(tmp_path)

    features = made_up(seed=1).features
    assert stage.strategy == "ensemble"
    assert np.array_equal(stage.ranker.predict(features), ensemble.predict(features))
