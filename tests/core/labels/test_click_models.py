"""Click models on simulated logs, whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.labels.click_models import ResultPages, fit_cascade, fit_position_based

pytestmark = pytest.mark.slow

PAIRS, DEPTH = 12, 6
SEEDS = [1, 2]
EXAMINATION = np.array([1.0, 0.7, 0.5, 0.35, 0.25, 0.2])


def shuffled_pairs(pages: int, rng: np.random.Generator) -> np.ndarray:
    """Every pair stands at every position now and then."""
    return np.array([rng.permutation(PAIRS)[:DEPTH] for _ in range(pages)])


def position_based_log(pages: int, attraction: np.ndarray, seed: int) -> ResultPages:
    rng = np.random.default_rng(seed)
    pairs = shuffled_pairs(pages, rng)
    clicked = rng.random(pairs.shape) < EXAMINATION * attraction[pairs]
    return ResultPages(pairs, clicked, PAIRS)


def cascade_log(
    pages: int, attraction: np.ndarray, satisfaction: np.ndarray, continuation: float, seed: int
) -> ResultPages:
    rng = np.random.default_rng(seed)
    pairs = shuffled_pairs(pages, rng)
    clicked = np.zeros(pairs.shape, bool)
    for page in range(pages):
        for position, pair in enumerate(pairs[page]):
            clicked[page, position] = rng.random() < attraction[pair]
            if clicked[page, position] and rng.random() < satisfaction[pair]:
                break
            if rng.random() >= continuation:
                break
    return ResultPages(pairs, clicked, PAIRS)


def chances(low: float, high: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, PAIRS)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_position_based_model_finds_attraction_and_examination(seed: int) -> None:
    attraction = chances(0.1, 0.9, seed)
    model = fit_position_based(position_based_log(20_000, attraction, seed), rounds=200)
    assert model.examination == pytest.approx(EXAMINATION, abs=0.05)
    assert model.attraction == pytest.approx(attraction, abs=0.06)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_cascade_finds_attraction_satisfaction_and_continuation(seed: int) -> None:
    attraction, satisfaction = chances(0.1, 0.7, seed), chances(0.1, 0.9, seed + 10)
    model = fit_cascade(cascade_log(20_000, attraction, satisfaction, 0.85, seed), rounds=120)
    assert model.continuation == pytest.approx(0.85, abs=0.03)
    assert model.attraction == pytest.approx(attraction, abs=0.05)
    assert model.satisfaction == pytest.approx(satisfaction, abs=0.1)


def test_a_product_at_the_bottom_is_not_held_guilty_of_its_position() -> None:
    """Of two that attract alike, one is always shown first and one last: clicks say three to one."""
    rng = np.random.default_rng(5)
    attraction = np.full(PAIRS, 0.5)
    pairs = shuffled_pairs(6_000, rng)
    pairs = np.where(np.isin(pairs, [0, 1]), 2 + pairs, pairs)
    pairs[::2, 0], pairs[1::2, DEPTH - 1] = 0, 1
    clicked = rng.random(pairs.shape) < EXAMINATION * attraction[pairs]
    model = fit_position_based(ResultPages(pairs, clicked, PAIRS), rounds=200)
    assert clicked[pairs == 0].mean() > 3 * clicked[pairs == 1].mean()
    assert model.attraction[0] == pytest.approx(model.attraction[1], abs=0.1)


def any_log(pages: int, seed: int) -> ResultPages:
    """Pages of any length, with gaps."""
    rng = np.random.default_rng(seed)
    pairs = np.where(rng.random((pages, DEPTH)) < 0.2, -1, rng.integers(0, PAIRS, (pages, DEPTH)))
    return ResultPages(pairs, (rng.random(pairs.shape) < 0.3) & (pairs >= 0), PAIRS)


@given(pages=st.integers(1, 30), seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_what_is_maximised_never_falls_and_every_chance_is_one(pages: int, seed: int) -> None:
    log = any_log(pages, seed)
    for model in (fit_position_based(log, rounds=25), fit_cascade(log, rounds=25)):
        assert np.diff(model.objectives).min() >= -1e-7
        assert ((model.attraction > 0) & (model.attraction < 1)).all()
        assert np.isfinite(model.log_likelihood(log))


def test_each_model_explains_its_own_log_better_than_the_other_does() -> None:
    attraction, satisfaction = chances(0.2, 0.8, 3), np.full(PAIRS, 0.9)
    by_position = [position_based_log(3_000, attraction, seed) for seed in (3, 4)]
    by_cascade = [cascade_log(3_000, attraction, satisfaction, 0.9, seed) for seed in (3, 4)]
    for (log, later), best in ((by_position, "position-based"), (by_cascade, "cascade")):
        models = (fit_position_based(log), fit_cascade(log))
        assert max(models, key=lambda model: model.log_likelihood(later)).name == best


def test_few_impressions_say_little() -> None:
    pairs = np.array([[0, 1]] + [[2, 3]] * 50)
    clicked = np.array([[True, False]] + [[True, False]] * 50)
    model = fit_position_based(ResultPages(pairs, clicked, 4))
    assert model.attraction[0] < model.attraction[2]
