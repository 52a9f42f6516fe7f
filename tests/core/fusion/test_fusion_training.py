"""Training learns, stops, repeats itself bit for bit; its draws are fair."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from mmsearch_dagster.core.fusion.examples import ATTRIBUTES, JUDGED, PAIRS, Judged
from mmsearch_dagster.core.fusion.model import save_model
from mmsearch_dagster.core.fusion.spec import LOSSES, STRATEGIES, Loss, Strategy, TrainParams
from mmsearch_dagster.core.fusion.training import draw_pool, hide_some, mean_ndcg, query_chances, train
from mmsearch_dagster.core.metrics import means, per_query
from tests.core.fusion.toy import random_batch, rotated_catalogue

CATALOGUE = rotated_catalogue()
QUICK = TrainParams(steps=60, batch=40, learning_rate=1e-2, evaluate_every=20, width=16, hidden=16, seed=1)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_beats_the_untrained_model(strategy: Strategy) -> None:
    trained = train(strategy, CATALOGUE, QUICK)
    curve = dict(trained.dev_curve)
    assert trained.best_step > 0
    assert curve[trained.best_step] == max(curve.values()) > curve[0] + 0.2


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_beats_the_untrained_model(loss: Loss) -> None:
    trained = train("concat", CATALOGUE, QUICK.model_copy(update={"loss": loss}))
    curve = dict(trained.dev_curve)
    assert curve[trained.best_step] > curve[0] + 0.2
    assert trained.loss_curve[-1][1] < trained.loss_curve[0][1]


def test_the_kept_weights_are_those_of_the_best_evaluation() -> None:
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


def judged(origins: list[str], items: int = 30, seed: int = 0) -> Judged:
    rng = np.random.default_rng(seed)
    grades = rng.integers(0, 4, size=(len(origins), items)) * (rng.random((len(origins), items)) < 0.2)
    return Judged(
        random_batch(len(origins), seed), csr_matrix(grades.astype(np.float32)), np.array(origins, dtype=str)
    )


@given(origins=st.lists(st.sampled_from([JUDGED, PAIRS, ATTRIBUTES, "unheard of"]), min_size=1, max_size=20))
@settings(deadline=None, max_examples=25)
def test_query_chances_are_a_distribution_in_which_everyone_can_be_drawn(origins: list[str]) -> None:
    chance = query_chances(judged(origins))
    assert chance.sum() == pytest.approx(1)
    assert (chance > 0).all()
    for origin in set(origins):
        assert len(set(chance[np.array(origins) == origin].round(12))) == 1


def test_one_judged_query_is_drawn_as_often_as_its_origin_deserves() -> None:
    chance = query_chances(judged([JUDGED] + [ATTRIBUTES] * 9))
    assert chance[0] == pytest.approx(0.98 * 0.5 / 0.7 + 0.002)


@given(pool=st.integers(2, 40), positives=st.integers(1, 5), seed=st.integers(0, 500))
@settings(deadline=None, max_examples=40)
def test_a_pool_holds_a_positive_of_every_query_and_strangers(pool: int, positives: int, seed: int) -> None:
    asked = judged([JUDGED] * 4, seed=seed)
    found = draw_pool(asked, TrainParams(pool=pool, positives=positives), np.random.default_rng(seed))
    assert found.tolist() == sorted(set(found.tolist()))
    assert set(found.tolist()) <= set(range(30))
    if pool >= 30:
        assert len(found) == 30
    for row in asked.grades.toarray():
        if row.any():
            assert row[found].any()


@given(share=st.floats(0, 0.99), seed=st.integers(0, 500))
@settings(deadline=None, max_examples=30)
def test_hiding_never_invents_a_modality_nor_takes_the_last_one(share: float, seed: int) -> None:
    batch = random_batch(8, seed, share=0.6)
    before = {name: torch.from_numpy(mask) for name, mask in batch.present.items()}
    after = hide_some(before, share, np.random.default_rng(seed))
    assert set(after) == set(before)
    assert all((~before[name] & after[name]).sum() == 0 for name in before)
    had, has = (torch.stack(list(masks.values())).any(dim=0) for masks in (before, after))
    assert torch.equal(had, has)


def test_hiding_hides_about_as_many_as_asked() -> None:
    seen = {name: torch.ones(2000, dtype=torch.bool) for name in ("text", "image")}
    left = hide_some(seen, 0.3, np.random.default_rng(1))["text"].float().mean()
    # A row of two loses both with the chance 0.09 and then keeps both.
    assert float(left) == pytest.approx(0.79, abs=0.03)


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
