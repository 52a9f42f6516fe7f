import math

import numpy as np
import pytest

from mmsearch_dagster.core.personalisation.evaluation import (
    RANKER,
    SHOWN,
    UNKNOWN_PERSON,
    RankerMetrics,
    decide,
    mean_value,
    page_values,
)

PAGE, GRADE = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 3, 0])
WEIGHT = np.array([1.0, 2.0, 4.0, 1.0, 2.0])


def test_a_click_far_down_counts_for_those_who_never_got_there() -> None:
    # Best: page 0 has 4 x 1, page 1 has 1 x 7, mean 5.5. As shown: 4 / log2(4) = 2 and 7.
    shown = -np.arange(5.0)
    assert page_values(shown, PAGE, GRADE, WEIGHT).tolist() == [2 / 5.5, 7 / 5.5]
    lifted = np.array([0.0, 0, 1, 1, 0])
    assert mean_value(lifted, PAGE, GRADE, WEIGHT) == pytest.approx(1.0)


def test_pages_without_a_click_count_zero_and_a_log_without_one_is_unknown() -> None:
    assert page_values(np.zeros(5), PAGE, np.array([0, 0, 0, 1, 0]), WEIGHT).tolist() == [0.0, 2.0]
    assert math.isnan(mean_value(np.zeros(5), PAGE, np.zeros(5, dtype=int), WEIGHT))


def figures(ranker: float, unknown: float, shown: float, pages: int = 200) -> RankerMetrics:
    noise = np.random.default_rng(0).normal(scale=0.1, size=pages)
    parts = {RANKER: ranker, UNKNOWN_PERSON: unknown, SHOWN: shown}
    values = {
        name: tuple((mean + noise * (1 + 0.1 * n)).tolist()) for n, (name, mean) in enumerate(parts.items())
    }
    return RankerMetrics(corrected=values, plain=values)


@pytest.mark.parametrize(
    ("means", "pages", "promoted"),
    [
        ((0.7, 0.6, 0.5), 200, True),
        ((0.7, 0.7, 0.5), 200, False),
        ((0.6, 0.5, 0.6), 200, False),
        ((0.9, 0.6, 0.5), 20, False),
    ],
)
def test_promoted_only_when_both_intervals_lie_above_zero(
    means: tuple[float, float, float], pages: int, promoted: bool
) -> None:
    decision = decide(figures(*means, pages), min_pages=50, confidence=0.95, resamples=500, seed=1)
    assert decision.promoted is promoted
    assert decision.promoted == all(reason.passed for reason in decision.reasons)
    assert ("not above zero" in decision.sentence or "at least 50 needed" in decision.sentence) or promoted


def test_the_sentence_of_a_refusal_names_what_failed_and_nothing_that_held() -> None:
    decision = decide(figures(0.5, 0.6, 0.5, 200), min_pages=50, confidence=0.95, resamples=500, seed=1)

    assert "not above zero" in decision.sentence
    assert "needed" not in decision.sentence
