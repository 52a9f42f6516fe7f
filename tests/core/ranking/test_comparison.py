"""A ranker is said to be better only where the interval says so."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.comparison import (
    BASELINE,
    EngineFigures,
    compare_rankers,
    figures_table,
    simplest_within_noise,
)
from mmsearch_dagster.core.ranking.features import FEATURES, RankedCandidates
from mmsearch_dagster.core.ranking.training_set import TrainingSet

QUERIES = [f"q{number}" for number in range(30)]


class ByColumn:
    """Scores by one feature; it learns nothing."""

    def __init__(self, column: int) -> None:
        self._column = column

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        return features[:, self._column].astype(np.float64)


def compared(seed: int = 0) -> list[EngineFigures]:
    """The first feature is the truth, the second one noise; the baseline is right in half of the queries."""
    draw = np.random.default_rng(seed)
    blocks, grades, baseline = {}, {}, {}
    for number, query_id in enumerate(QUERIES):
        features = draw.normal(size=(10, len(FEATURES))).astype(np.float32)
        ids = tuple(f"p{row}" for row in range(10))
        best = ids[int(np.argmax(features[:, 0]))]
        blocks[query_id], grades[query_id] = RankedCandidates(ids, features), {best: 3}
        baseline[query_id] = [best] if number % 2 else ["nothing"]
    return compare_rankers(
        TrainingSet.of(blocks, grades),
        dict.fromkeys(QUERIES),
        grades,
        baseline=baseline,
        trainers={"right": lambda _: ByColumn(0), "noise": lambda _: ByColumn(1)},
    )


def figure(figures: list[EngineFigures], engine: str, metric: str) -> EngineFigures:
    return next(each for each in figures if (each.engine, each.metric) == (engine, metric))


def test_the_gain_is_over_the_baseline_on_the_same_queries() -> None:
    figures = compared()

    assert figure(figures, BASELINE, "recall@1").value.mean == 0.5
    assert figure(figures, "right", "recall@1").value.mean == 1.0
    assert figure(figures, "right", "recall@1").gain.mean == 0.5
    assert figure(figures, "right", "ndcg@10").is_shown
    assert not figure(figures, "noise", "ndcg@10").is_shown
    assert not figure(figures, BASELINE, "ndcg@10").is_shown


def test_what_is_not_shown_is_not_chosen() -> None:
    figures = compared()

    assert simplest_within_noise(figures) == "right"
    assert simplest_within_noise([each for each in figures if each.engine != "right"]) == BASELINE


def test_the_table_has_a_row_for_each_engine_and_metric() -> None:
    table = figures_table(compared())

    assert table.height == 2 * 4
    assert table.filter(engine="right", metric="recall@1")["gain"].item() == pytest.approx(0.5)
