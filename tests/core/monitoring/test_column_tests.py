"""The tests of a column give the figures of their definitions."""

import math

import polars as pl
import pytest
from scipy.stats import chi2_contingency, ks_2samp

from mmsearch_dagster.core.monitoring.column_tests import compare_columns


def test_numbers_are_compared_by_their_distribution_functions() -> None:
    before, now = pl.Series(range(100)), pl.Series(range(40, 140))
    result = compare_columns(before, now)
    expected = ks_2samp(list(range(100)), list(range(40, 140)), method="asymp")
    assert result.kolmogorov_smirnov == pytest.approx(0.4)
    assert result.p == pytest.approx(2 * expected.pvalue)  # of two tests: the shares missing are the other


def test_names_are_compared_by_their_counts() -> None:
    before, now = pl.Series(["a"] * 60 + ["b"] * 40), pl.Series(["a"] * 30 + ["b"] * 70)
    expected = chi2_contingency([[60, 40], [30, 70]])
    assert compare_columns(before, now).chi_square == pytest.approx(expected.statistic)


def test_rare_values_are_counted_together() -> None:
    """Two hundred names that came once each are no sign that two hundred names have gone."""
    before, now = (pl.Series([f"{side} {n}" for n in range(200)]) for side in ("old", "new"))
    assert compare_columns(before, now).p == 1.0


def test_values_that_are_missing_now_are_seen_in_numbers_and_in_names() -> None:
    for values in (pl.Series([1.0, 2.0] * 50), pl.Series(["a", "b"] * 50)):
        half = values.to_list()[:50] + [None] * 50
        assert compare_columns(values, pl.Series(half, dtype=values.dtype)).p < 1e-6
        assert compare_columns(values, values).p == 1.0


def test_an_empty_column_is_not_tested() -> None:
    empty = pl.Series([], dtype=pl.Float64)
    assert math.isnan(compare_columns(empty, pl.Series([1.0])).p)


def test_a_column_without_any_value_is_no_drift() -> None:
    nothing = pl.Series([None] * 30, dtype=pl.Float64)
    assert compare_columns(nothing, nothing).p == 1.0
