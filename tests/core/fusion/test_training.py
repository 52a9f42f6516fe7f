"""Training learns, stops and repeats itself bit for bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.fusion import training
from mmsearch_dagster.core.fusion.config import LOSSES, STRATEGIES, Loss, Strategy, TrainParams
from mmsearch_dagster.core.fusion.dataset import Examples
from mmsearch_dagster.core.fusion.model import save_model
from mmsearch_dagster.core.fusion.training import mean_ndcg, train
from mmsearch_dagster.core.labels.provenance import JUDGED
from mmsearch_dagster.core.metrics.ranking import means, per_query
from mmsearch_dagster.core.modalities import TEXT
from tests.core.fusion.toy import judged, rotated_catalogue

CATALOGUE = rotated_catalogue()
QUICK = TrainParams(steps=60, batch=40, learning_rate=1e-2, evaluate_every=20, width=16, hidden=16, seed=1)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_beats_the_untrained_model(strategy: Strategy) -> None:
    trained = train(strategy, CATALOGUE, QUICK)
    curve = dict(trained.dev_curve)
    assert trained.best_step > 0
    assert curve[trained.best_step] >= max(curve.values()) - 0.01
    assert curve[trained.best_step] > curve[0] + 0.2


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_beats_the_untrained_model(loss: Loss) -> None:
    trained = train("concat", CATALOGUE, QUICK.model_copy(update={"loss": loss}))
    curve = dict(trained.dev_curve)
    assert curve[trained.best_step] > curve[0] + 0.2
    assert trained.loss_curve[-1][1] < trained.loss_curve[0][1]


@pytest.mark.parametrize(
    ("held_out", "kept"),
    [
        pytest.param([0.1, 0.95, 1.0, 0.997, 0.997], 8, id="a fall by chance keeps the end of the schedule"),
        pytest.param([0.1, 0.5, 0.6, 0.58, 0.55], 4, id="a real fall keeps what was before it"),
        pytest.param([0.1, 0.5, 0.45, 0.48, 0.495], 8, id="what comes back is kept"),
    ],
)
def test_the_last_weights_that_are_not_behind_are_kept(
    held_out: list[float], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter(held_out)
    monkeypatch.setattr(training._Loop, "dev_score", lambda loop: next(scores))
    params = QUICK.model_copy(update={"steps": 8, "evaluate_every": 2})
    assert train("weighted", CATALOGUE, params).best_step == kept


def test_the_kept_weights_are_those_of_the_kept_step() -> None:
    trained = train("weighted", CATALOGUE, QUICK)
    dev = CATALOGUE.dev
    score = mean_ndcg(trained.model.queries(dev.queries), trained.model.items(CATALOGUE.items), dev)
    assert score == pytest.approx(dict(trained.dev_curve)[trained.best_step])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others(tmp_path: Path) -> None:
    short = QUICK.model_copy(update={"steps": 12, "evaluate_every": 4})
    hashes = []
    for name, params in (("a", short), ("b", short), ("c", short.model_copy(update={"seed": 2}))):
        torch.rand(3)  # whatever else drew random numbers
        hashes.append(save_model(train("attention", CATALOGUE, params).model, tmp_path / name))
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_training_shorter_than_an_evaluation_is_not_thrown_away() -> None:
    trained = train("concat", CATALOGUE, QUICK.model_copy(update={"steps": 50, "evaluate_every": 75}))
    assert trained.best_step == 50


def test_training_leaves_the_number_of_threads_as_it_was() -> None:
    before = torch.get_num_threads()
    train("weighted", CATALOGUE, QUICK.model_copy(update={"steps": 1}))
    assert torch.get_num_threads() == before


def test_no_steps_is_the_untrained_model() -> None:
    trained = train("concat", CATALOGUE, QUICK.model_copy(update={"steps": 0}))
    assert (trained.steps, trained.best_step, trained.loss_curve) == (0, 0, ())


def test_without_anything_to_learn_from_it_is_the_untrained_model() -> None:
    silent = replace(CATALOGUE, train=CATALOGUE.train.take(np.array([], dtype=np.int64)))
    trained = train("concat", silent, QUICK)
    assert (trained.steps, trained.best_step) == (0, 0)


def test_training_ends_when_patience_does_and_every_step_is_told() -> None:
    told: list[int] = []
    # Too small a rate to change any ranking.
    stuck = QUICK.model_copy(update={"learning_rate": 1e-12, "evaluate_every": 2, "patience": 3})
    trained = train("weighted", CATALOGUE, stuck, on_step=told.append)
    assert trained.steps == 6
    assert told == list(range(1, 7))


def test_without_held_out_queries_the_last_weights_are_kept() -> None:
    blind = replace(CATALOGUE, dev=CATALOGUE.dev.take(np.array([], dtype=np.int64)))
    params = QUICK.model_copy(update={"steps": 4, "evaluate_every": 2, "patience": 3})
    assert train("weighted", blind, params).best_step == 4


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_mean_ndcg_agrees_with_the_metric_that_is_reported(seed: int) -> None:
    rng = np.random.default_rng(seed)
    asked = judged([JUDGED] * 5, seed=seed)
    queries, items = rng.normal(size=(5, 3)), rng.normal(size=(30, 3))
    ranked = {str(row): [str(item) for item in np.argsort(-(queries[row] @ items.T))] for row in range(5)}
    grades = {
        str(row): {str(item): int(grade) for item, grade in enumerate(known) if grade}
        for row, known in enumerate(asked.grades.toarray())
        if known.any()
    }
    reported = means(per_query(ranked, grades, metrics=["ndcg@10"]))["ndcg@10"]
    assert mean_ndcg(queries.astype(np.float32), items.astype(np.float32), asked) == pytest.approx(
        reported, abs=1e-6
    )


def with_other_pictures(examples: Examples, others: int) -> Examples:
    """Each item also has rows that no query is about, before the one that queries are about."""
    rng = np.random.default_rng(5)
    items = examples.items
    views = items.take(np.repeat(np.arange(len(items)), others + 1))
    strange = rng.normal(size=views.vectors[TEXT].shape).astype(np.float32)
    strange[others :: others + 1] = items.vectors[TEXT]
    return replace(examples, items=replace(views, vectors={TEXT: strange}))


def test_an_item_is_found_by_one_of_its_pictures_however_strange_the_others() -> None:
    views = with_other_pictures(CATALOGUE, 5)
    trained = train("concat", views, QUICK)
    curve = dict(trained.dev_curve)
    assert curve[trained.best_step] > max(0.8, curve[0] + 0.2)


def test_a_repeated_row_changes_no_figure() -> None:
    twice = replace(CATALOGUE, items=CATALOGUE.items.take(np.repeat(np.arange(len(CATALOGUE.items)), 2)))
    queries, items = (np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32) for _ in range(2))
    once = mean_ndcg(queries, items, CATALOGUE.dev)
    assert mean_ndcg(queries, np.repeat(items, 2, axis=0), twice.dev, starts=twice.items.starts) == once
