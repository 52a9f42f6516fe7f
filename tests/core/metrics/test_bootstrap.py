import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.metrics import bootstrap
from mmsearch_dagster.core.metrics.bootstrap import interval, paired_difference

SCORES = st.lists(st.floats(0, 1), min_size=2, max_size=40)


def test_the_worked_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(bootstrap) == (0, 2)


def test_the_interval_is_the_textbook_one_for_many_queries() -> None:
    values = np.random.default_rng(3).normal(0.5, 0.1, size=400)
    found = interval(values, resamples=4000, seed=1)
    half = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert found.low == pytest.approx(values.mean() - half, abs=0.002)
    assert found.high == pytest.approx(values.mean() + half, abs=0.002)


def test_about_95_of_100_intervals_hold_the_truth() -> None:
    draw = np.random.default_rng(5)
    intervals = [interval(draw.normal(0.3, 1, size=80), resamples=500, seed=i) for i in range(300)]
    covered = np.mean([one.low <= 0.3 <= one.high for one in intervals])
    assert 0.90 <= covered <= 0.99


def test_a_clear_difference_excludes_zero_and_a_none_includes_it() -> None:
    draw = np.random.default_rng(0)
    b = draw.uniform(0, 0.5, size=200)
    clear = paired_difference(b + draw.uniform(0, 0.2, size=200), b, seed=0)
    assert clear.low > 0
    assert clear.p_a_better == 1.0
    none = paired_difference(draw.permutation(b), b, seed=0)
    assert none.low < 0 < none.high


def test_the_same_engine_twice_differs_by_nothing() -> None:
    values = [0.1, 0.7, 0.3]
    same = paired_difference(values, values, seed=9)
    assert (same.mean, same.low, same.high, same.p_a_better) == (0.0, 0.0, 0.0, 0.5)


@given(SCORES, st.integers(0, 5))
def test_the_interval_holds_the_mean_and_repeats_by_seed(values: list[float], seed: int) -> None:
    first = interval(values, resamples=200, seed=seed)
    assert first == interval(values, resamples=200, seed=seed)
    assert first.low <= first.high
    assert min(values) - 1e-12 <= first.low
    assert first.high <= max(values) + 1e-12


@given(SCORES, st.data())
def test_swapping_the_engines_mirrors_the_mean(a: list[float], data: st.DataObject) -> None:
    b = data.draw(st.lists(st.floats(0, 1), min_size=len(a), max_size=len(a)))
    there = paired_difference(a, b, resamples=200, seed=0)
    back = paired_difference(b, a, resamples=200, seed=0)
    assert there.mean == pytest.approx(-back.mean, abs=1e-12)
    assert there.p_a_better == pytest.approx(1 - back.p_a_better)
    assert there.low == pytest.approx(-back.high, abs=1e-9)


@given(SCORES, st.data())
def test_raising_a_value_never_lowers_an_end(a: list[float], data: st.DataObject) -> None:
    rises = data.draw(st.lists(st.floats(0, 1), min_size=len(a), max_size=len(a)))
    b = [0.5] * len(a)
    before = paired_difference(a, b, resamples=200, seed=0)
    after = paired_difference(np.array(a) + rises, b, resamples=200, seed=0)
    assert after.low >= before.low - 1e-12
    assert after.high >= before.high - 1e-12


def test_fewer_than_two_queries_have_no_interval() -> None:
    nothing = paired_difference([], [], seed=0)
    assert nothing.queries == 0
    assert all(math.isnan(x) for x in (nothing.mean, nothing.low, nothing.high, nothing.p_a_better))
    one = paired_difference([0.9], [0.2], seed=0)
    assert one.mean == pytest.approx(0.7)
    assert one.p_a_better == 1.0
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert math.isnan(interval([], seed=0).mean)
    assert interval([0.4], seed=0).mean == 0.4


def test_nan_stays_visible() -> None:
    broken = paired_difference([0.5, float("nan"), 0.2], [0.1, 0.1, 0.1], seed=0)
    assert all(math.isnan(x) for x in (broken.mean, broken.low, broken.high, broken.p_a_better))


def test_values_that_do_not_line_up_are_refused() -> None:
    with pytest.raises(MmsearchError, match="line up"):
        paired_difference([0.1, 0.2], [0.1], seed=0)
    with pytest.raises(MmsearchError, match="confidence"):
        interval([0.1, 0.2], confidence=1.0, seed=0)


def test_many_queries_are_drawn_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.linspace(0, 1, 50)
    whole = interval(values, resamples=300, seed=2)
    monkeypatch.setattr(bootstrap, "_CHUNK", 120)
    assert interval(values, resamples=300, seed=2) == whole
