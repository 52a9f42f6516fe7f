"""Rankers learn from graded candidates, alike in training and from their files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.ranking.cross_fit import folds_of, out_of_fold_scores
from mmsearch_dagster.core.ranking.features import (
    COLUMN,
    FEATURES,
    RankedCandidates,
    RankedQuery,
    RankerInput,
    feature_rows,
)
from mmsearch_dagster.core.ranking.rankers.stage import (
    FILES,
    TRAINERS,
    RankingStage,
    load_stage,
    stage_digest,
)
from mmsearch_dagster.core.ranking.rankers.trees import ensemble_of
from mmsearch_dagster.core.ranking.training_set import TrainingSet
from tests.core.ranking.catalogue import GIVEN, ITEMS, STATISTICS


def made_up(queries: int = 40, candidates: int = 30, seed: int = 0) -> TrainingSet:
    """The grade follows the second feature, with noise; a tenth of the values is missing."""
    draw = np.random.default_rng(seed)
    blocks, grades = {}, {}
    for number in range(queries):
        features = draw.normal(size=(candidates, len(FEATURES))).astype(np.float32)
        truth = features[:, 1] + 0.2 * draw.normal(size=candidates)
        features[draw.random(features.shape) < 0.1] = np.nan
        ids = tuple(f"p{row:02d}" for row in range(candidates))
        order = np.argsort(-truth)
        blocks[f"q{number}"] = RankedCandidates(ids, features)
        grades[f"q{number}"] = {ids[order[0]]: 3, ids[order[1]]: 2, ids[order[2]]: 1}
    return TrainingSet.of(blocks, grades)


def share_found(training: TrainingSet, scores: NDArray[np.float64]) -> float:
    """In how many queries the best candidate comes first."""
    ranked = training.rankings(scores)
    best = {
        query_id: training.product_ids[span.start + int(np.argmax(training.grades[span]))]
        for query_id, span in training.spans()
    }
    return float(np.mean([ranked[query_id][0] == product for query_id, product in best.items()]))


@pytest.mark.parametrize("strategy", TRAINERS)
def test_a_ranker_learns_what_makes_a_grade(strategy: str) -> None:
    ranker = TRAINERS[strategy](made_up())
    unseen = made_up(seed=1)

    assert share_found(unseen, ranker.predict(unseen.features)) > 0.4  # 1 in 30 by chance


@pytest.mark.parametrize("strategy", TRAINERS)
def test_the_same_input_gives_the_same_ranker(strategy: str) -> None:
    features = made_up(seed=1).features

    first, second = (TRAINERS[strategy](made_up()).predict(features) for _ in range(2))

    assert np.array_equal(first, second)


def test_the_trees_answer_as_the_library_that_grew_them() -> None:
    import lightgbm

    training = made_up()
    data = lightgbm.Dataset(training.features, training.grades, group=training.sizes)
    booster = lightgbm.train({"objective": "lambdarank", "verbose": -1, "min_data_in_leaf": 5}, data, 30)
    features = made_up(seed=2).features

    ours = ensemble_of(booster.dump_model()).predict(features)

    assert np.allclose(ours, booster.predict(features), atol=1e-9)


@pytest.mark.parametrize("leaves", [2, 15, 31, 60, 100])
def test_trees_of_any_size_answer_as_the_library_that_grew_them(leaves: int) -> None:
    import lightgbm

    training = made_up()
    data = lightgbm.Dataset(training.features, training.grades, group=training.sizes)
    params = {"objective": "lambdarank", "verbose": -1, "min_data_in_leaf": 2, "num_leaves": leaves}
    booster = lightgbm.train(params, data, 10)
    features = made_up(seed=2).features
    features[:3] = np.nan
    # values that lie on a threshold go to the left
    features[3:] = np.round(features[3:], 1)

    ours = ensemble_of(booster.dump_model()).predict(features)

    assert np.allclose(ours, booster.predict(features), atol=1e-9)


@pytest.mark.parametrize("strategy", TRAINERS)
def test_a_stage_orders_alike_after_it_was_stored(strategy: str, tmp_path: Path) -> None:
    stage = RankingStage(strategy, TRAINERS[strategy](made_up()), STATISTICS)
    digest = stage.save(tmp_path)
    query = RankedQuery.of("blue shoes")

    stored = load_stage(tmp_path)

    assert stored.order(query, GIVEN) == stage.order(query, GIVEN)
    assert stage_digest(tmp_path) == digest
    assert stage.order(query, RankerInput.of({}, ITEMS)) == []


def test_a_stage_of_other_features_is_refused(tmp_path: Path) -> None:
    RankingStage("linear", TRAINERS["linear"](made_up()), STATISTICS).save(tmp_path)
    spec = tmp_path / "ranker.json"
    spec.write_text(spec.read_text(encoding="utf-8").replace("partial_ratio", "other"), encoding="utf-8")

    with pytest.raises(ReleaseMismatchError, match="other features"):
        load_stage(tmp_path)


def test_a_stage_of_before_a_feature_was_there_orders_by_what_it_reads(tmp_path: Path) -> None:
    fewer, training = FEATURES[: COLUMN["brand_agrees"]], made_up()
    narrow = replace(training, features=training.features[:, : len(fewer)])
    RankingStage("linear", TRAINERS["linear"](narrow), STATISTICS, fewer).save(tmp_path)
    query = RankedQuery.of("blue shoes")

    stored = load_stage(tmp_path)

    candidates = feature_rows(query, GIVEN, STATISTICS)
    scores = stored.ranker.predict(candidates.features[:, : len(fewer)])
    expected = dict(zip(candidates.ids, scores.tolist(), strict=True))
    assert dict(stored.order(query, GIVEN)) == pytest.approx(expected)


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"{")])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_stage_is_refused(name: str, damage: Callable[[Path], object], tmp_path: Path) -> None:
    RankingStage("linear", TRAINERS["linear"](made_up()), STATISTICS).save(tmp_path)
    damage(tmp_path / name)

    with pytest.raises(ReleaseMismatchError, match=r"cannot be read: .*; put the files back"):
        load_stage(tmp_path)


def test_nearly_equal_queries_share_a_fold() -> None:
    texts: dict[str, str | None] = {f"q{n}": f"word{n} thing{n} colour{n}" for n in range(20)}
    texts |= {"twin": "Thing3 word3 colour3", "image": None}

    folds = folds_of(texts)

    assert folds["twin"] == folds["q3"]
    assert set(folds) == set(texts)
    assert {list(folds.values()).count(number) for number in range(5)} <= {4, 5}


def test_no_query_is_ranked_by_what_it_taught() -> None:
    training = made_up(queries=10)
    fold_of = folds_of({query_id: None for query_id in training.query_ids})
    lessons: list[set[str]] = []

    class Blind:
        def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
            return np.full(len(features), float(len(lessons) - 1))

    def train(part: TrainingSet) -> Blind:
        lessons.append(set(part.query_ids))
        return Blind()

    scores = out_of_fold_scores(training, fold_of, train)

    for query_id, span in training.spans():
        assert {query_id} & lessons[int(scores[span][0])] == set()
    assert set.union(*lessons) == set(training.query_ids)


@pytest.mark.parametrize("strategy", sorted(TRAINERS))
def test_the_effects_of_the_features_say_what_the_score_would_lose(strategy: str) -> None:
    stage = RankingStage(strategy, TRAINERS[strategy](made_up()), STATISTICS)
    best, _ = stage.order(RankedQuery.of("blue shoes"), GIVEN)[0]
    effects = stage.effects(RankedQuery.of("blue shoes"), GIVEN, best)
    assert [abs(each.effect) for each in effects] == sorted((abs(e.effect) for e in effects), reverse=True)
    assert not any(np.isnan(each.value) for each in effects)
    assert stage.effects(RankedQuery.of("blue shoes"), GIVEN, "no such product") == []
