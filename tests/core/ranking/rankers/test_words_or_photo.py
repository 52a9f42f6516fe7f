"""Queries with words and photos alone have a ranker each."""

from pathlib import Path

import numpy as np
import pytest

from mmsearch_dagster.core.ranking.features import COLUMN, FEATURES, RankedCandidates, RankedQuery
from mmsearch_dagster.core.ranking.rankers.lambdamart import train_lambdamart
from mmsearch_dagster.core.ranking.rankers.linear import train_linear
from mmsearch_dagster.core.ranking.rankers.stage import TRAINERS, RankingStage, load_stage
from mmsearch_dagster.core.ranking.rankers.words_or_photo import ApartRanker, trained_apart
from mmsearch_dagster.core.ranking.training_set import TrainingSet
from tests.core.ranking.catalogue import GIVEN, STATISTICS

pytestmark = pytest.mark.slow

IMAGE, WORDS = COLUMN["image_score"], COLUMN["query_words"]


def opposite(queries: int = 30, seed: int = 0) -> TrainingSet:
    """Beside words the least similar picture is right, alone the most similar one."""
    draw = np.random.default_rng(seed)
    blocks, grades = {}, {}
    ids = tuple(f"p{row}" for row in range(10))
    for number in range(2 * queries):
        features = np.zeros((10, len(FEATURES)), dtype=np.float32)
        features[:, IMAGE] = draw.normal(size=10)
        of_photo = number % 2 == 0
        features[:, WORDS] = np.nan if of_photo else 2.0
        scores = features[:, IMAGE]
        best = int(np.argmax(scores) if of_photo else np.argmin(scores))
        blocks[f"q{number}"], grades[f"q{number}"] = RankedCandidates(ids, features), {ids[best]: 3}
    return TrainingSet.of(blocks, grades)


def share_first(training: TrainingSet, scores: "np.ndarray") -> float:
    firsts = [training.grades[span][np.argmax(scores[span])] == 3 for _, span in training.spans()]
    return float(np.mean(firsts))


@pytest.mark.parametrize("strategy", TRAINERS)
def test_each_sort_of_query_is_ranked_by_what_it_taught(strategy: str) -> None:
    ranker, unseen = TRAINERS[strategy](opposite()), opposite(seed=1)

    assert isinstance(ranker, ApartRanker)
    assert share_first(unseen, ranker.predict(unseen.features)) > 0.8  # together they teach nothing


def test_with_few_queries_of_one_sort_one_ranker_learns_from_all() -> None:
    few = opposite(queries=10)

    assert not isinstance(trained_apart(train_linear)(few), ApartRanker)


RELEASED = {**TRAINERS, "lambdamart": trained_apart(train_lambdamart)}


@pytest.mark.parametrize("strategy", RELEASED)
def test_both_are_stored_and_read(strategy: str, tmp_path: Path) -> None:
    stage = RankingStage(strategy, RELEASED[strategy](opposite()), STATISTICS)
    stage.save(tmp_path)

    for text in ("blue shoes", None):
        query = RankedQuery.of(text)
        assert load_stage(tmp_path).order(query, GIVEN) == stage.order(query, GIVEN)


def test_the_names_in_the_file_are_those_that_older_releases_have() -> None:
    ranker = trained_apart(train_linear)(opposite())

    assert isinstance(ranker, ApartRanker)
    assert set(ranker.arrays()) == {
        "column",
        *(f"{part}.{name}" for part in ("words", "photos") for name in ("weights", "mean", "scale")),
    }
