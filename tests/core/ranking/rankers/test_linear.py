"""The linear ranker's scale of the features."""

import numpy as np
import pytest

from mmsearch_dagster.core.ranking.rankers import linear
from mmsearch_dagster.core.ranking.rankers.linear import moments, standardised, train_linear
from mmsearch_dagster.core.ranking.training_set import TrainingSet


def test_mean_and_spread_leave_out_what_is_missing_however_many_rows_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linear, "_BLOCK_ROWS", 7)
    features = np.random.default_rng(0).normal(3.0, 2.0, size=(50, 4)).astype(np.float32)
    features[::3, 1] = np.nan
    features[:, 2] = np.nan
    features[:, 3] = 5.0

    mean, scale = moments(features)

    assert mean[[0, 1, 3]] == pytest.approx(np.nanmean(features[:, [0, 1, 3]], axis=0), rel=1e-6)
    assert scale[:2] == pytest.approx(np.nanstd(features[:, :2], axis=0), rel=1e-5)
    assert (mean[2], scale[2], scale[3]) == (0.0, 1.0, 1.0)
    assert not standardised(features, mean, scale)[:, 2].any()


def test_the_features_stay_as_they_are() -> None:
    features = np.array([[1.0, np.nan]], dtype=np.float32)

    standardised(features, np.ones(2), np.ones(2))

    assert features[0, 0] == 1.0
    assert np.isnan(features[0, 1])


def lists_of_two(grades: list[int]) -> TrainingSet:
    """Each list's first candidate has the value 1, its second -1."""
    lists = len(grades) // 2
    return TrainingSet(
        query_ids=tuple(f"q{number}" for number in range(lists)),
        sizes=np.full(lists, 2),
        product_ids=tuple("ab" * lists),
        features=np.tile(np.array([[1.0], [-1.0]], np.float32), (lists, 1)),
        grades=np.array(grades),
    )


def test_a_gain_that_counts_twice_is_a_list_seen_twice() -> None:
    once, twice = lists_of_two([1, 0, 0, 1]), lists_of_two([1, 0, 1, 0, 0, 1])

    weighed = train_linear(once, gain_weights=np.array([2.0, 1.0, 1.0, 1.0]))

    assert weighed.weights == pytest.approx(train_linear(twice).weights, rel=1e-4)
    assert weighed.weights[0] > 0.1
    alike = train_linear(once, gain_weights=np.ones(4))
    assert np.array_equal(alike.weights, train_linear(once).weights)
