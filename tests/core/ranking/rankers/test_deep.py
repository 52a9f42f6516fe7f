"""The deep ranker is trained in torch and served in numpy."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from mmsearch_dagster.core.ranking.features import FEATURES, RankedCandidates
from mmsearch_dagster.core.ranking.rankers import deep_training
from mmsearch_dagster.core.ranking.rankers.deep import network_input
from mmsearch_dagster.core.ranking.rankers.deep_training import DeepParams, network_scores, train_deep
from mmsearch_dagster.core.ranking.rankers.linear import train_linear
from mmsearch_dagster.core.ranking.training_set import TrainingSet


def alike(queries: int = 40, seed: int = 0) -> TrainingSet:
    """Two features must have the same sign: no sum of them says so, their product does."""
    draw = np.random.default_rng(seed)
    ids = tuple(f"p{row}" for row in range(12))
    blocks, grades = {}, {}
    for number in range(queries):
        features = np.zeros((12, len(FEATURES)), dtype=np.float32)
        features[:, :2] = draw.normal(size=(12, 2))
        best = int(np.argmax(features[:, 0] * features[:, 1]))
        blocks[f"q{number}"], grades[f"q{number}"] = RankedCandidates(ids, features), {ids[best]: 3}
    return TrainingSet.of(blocks, grades)


def test_what_numpy_answers_is_what_torch_answers() -> None:
    training = alike()
    training.features[::5, 1] = np.nan
    ranker = train_deep(training, DeepParams(epochs=3))

    weights = {name: torch.from_numpy(array.astype(np.float32)) for name, array in ranker.arrays().items()}
    values = network_input(training.features, ranker.mean, ranker.scale).astype(np.float32)

    expected = network_scores(weights, torch.from_numpy(values)).numpy()
    assert np.allclose(ranker.predict(training.features), expected, atol=1e-5)


def test_a_product_of_two_features_is_learned() -> None:
    ranker, unseen = train_deep(alike(queries=150)), alike(seed=1)

    scores = ranker.predict(unseen.features)

    first = [unseen.grades[span][np.argmax(scores[span])] == 3 for _, span in unseen.spans()]
    assert np.mean(first) > 0.6  # 1 in 12 by chance


def test_many_queries_are_seen_fewer_times_each(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    scores = deep_training.network_scores

    def counted(weights: dict[str, torch.Tensor], values: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            read.append(len(values) // 12)
        return scores(weights, values)

    monkeypatch.setattr(deep_training, "network_scores", counted)
    train_deep(alike(queries=100), DeepParams(visits=400, patience=60))

    assert 3 * 80 < sum(read) <= 5 * 80 + 5 * 100


def test_queries_with_different_numbers_of_candidates_have_the_loss_of_their_own_list() -> None:
    first, second = alike(queries=1, seed=2), alike(queries=1, seed=3)
    short = TrainingSet.of(
        {"q": RankedCandidates(("p0", "p1"), second.features[:2].copy())}, {"q": {"p1": 2}}
    )
    linear = train_linear(first)
    weights = deep_training._initial(linear, DeepParams())
    apart = [deep_training._loss(weights, deep_training._queries(part, linear)) for part in (first, short)]
    together = [query for part in (first, short) for query in deep_training._queries(part, linear)]

    assert deep_training._loss(weights, together).item() == pytest.approx(
        sum(each.item() for each in apart) / 2
    )


def test_the_callers_random_numbers_go_on_as_before() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1).item()
    torch.manual_seed(3)

    train_deep(alike(queries=10), DeepParams(epochs=1))

    assert torch.rand(1).item() == expected


def test_a_stage_is_opened_without_torch() -> None:
    code = "import sys, mmsearch_dagster.core.ranking.rankers.stage; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
