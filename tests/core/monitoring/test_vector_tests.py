"""Each test of two sets of vectors by itself."""

import math

import numpy as np
import pytest

from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.monitoring.vector_tests import (
    NOT_TESTED,
    category_shift,
    classifier_test,
    maximum_mean_discrepancy,
)


def cloud(seed: int, size: int = 60, *, shift: float = 0.0) -> Matrix:
    draw = np.random.default_rng(seed)
    return (draw.normal(size=(size, 6)) + shift * np.eye(1, 6)).astype(np.float32)


def test_a_set_beside_itself_has_no_discrepancy() -> None:
    result = maximum_mean_discrepancy(cloud(1), cloud(1))
    assert result.statistic == pytest.approx(0.0, abs=1e-9)
    assert result.p > 0.9


def test_the_discrepancy_is_that_of_the_formula() -> None:
    before, now = cloud(1, 20), cloud(2, 20, shift=1.0)
    pooled = np.concatenate([before, now]).astype(float)
    squares = ((pooled[:, None] - pooled[None]) ** 2).sum(axis=2)
    kernel = np.exp(-squares / np.median(squares[np.triu_indices(40, 1)]))
    expected = kernel[:20, :20].mean() + kernel[20:, 20:].mean() - 2 * kernel[:20, 20:].mean()
    assert maximum_mean_discrepancy(before, now).statistic == pytest.approx(expected)


def test_the_same_seed_gives_the_same_p() -> None:
    assert maximum_mean_discrepancy(cloud(1), cloud(2)) == maximum_mean_discrepancy(cloud(1), cloud(2))
    assert classifier_test(cloud(1), cloud(2)) == classifier_test(cloud(1), cloud(2))


def test_a_classifier_tells_two_far_clouds_apart_and_not_two_alike() -> None:
    apart, alike = classifier_test(cloud(1), cloud(2, shift=4.0)), classifier_test(cloud(1), cloud(2))
    assert apart.statistic > 0.98
    assert apart.p < 1e-6
    assert abs(alike.statistic - 0.5) < 0.15
    assert alike.p > 0.02


def test_products_that_stayed_do_not_hide_those_that_came() -> None:
    """A twin in the other set says nothing either way."""
    stayed = cloud(1, 60)
    same = classifier_test(stayed, stayed)
    assert same.statistic == pytest.approx(0.5, abs=0.02)
    came = np.concatenate([stayed[:40], cloud(3, 20, shift=6.0)])
    assert classifier_test(stayed, came).statistic > 0.6


def test_vectors_without_any_difference_leave_the_classifier_at_a_coin() -> None:
    same = np.ones((40, 6), np.float32)
    assert classifier_test(same, same).statistic == 0.5


def test_the_category_that_moved_is_named() -> None:
    kinds = ["Shoes", "Toys"] * 30
    moved = cloud(2)
    moved[1::2, 3] += 3.0  # the toys
    category, result = category_shift((cloud(1), kinds), (moved, kinds))
    assert category == "Toys"
    assert result.p <= 0.002


def test_products_without_a_category_and_rare_categories_are_left_out() -> None:
    kinds = [""] * 55 + ["rare"] * 5
    category, result = category_shift((cloud(1), kinds), (cloud(2, shift=5.0), kinds))
    assert category == ""
    assert math.isnan(result.p)


def test_too_few_vectors_say_nothing() -> None:
    assert maximum_mean_discrepancy(cloud(1, 5), cloud(2)) is NOT_TESTED
    assert classifier_test(cloud(1), cloud(2, 5)) is NOT_TESTED
