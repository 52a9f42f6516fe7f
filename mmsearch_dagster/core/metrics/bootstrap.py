"""How sure a difference between two engines is: the paired bootstrap over queries.

Queries are drawn with replacement, the same ones for both engines, and the mean is taken again; the
percentiles of those means are the interval (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 13; for retrieval: Sakai, Evaluating evaluation metrics based on the bootstrap, SIGIR 2006).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmsearch_dagster.core.errors import MmsearchError

# Draws held in memory at once: 32 MiB of indices.
_CHUNK = 4_000_000


@dataclass(frozen=True)
class Interval:
    """Mean of `queries` values and its bootstrap interval.

    `low` and `high` are NaN below two queries: one value says nothing about its own uncertainty.
    """

    mean: float
    low: float
    high: float
    queries: int


@dataclass(frozen=True)
class Difference:
    """Mean of `a - b` over the same queries and its interval (NaN below two queries).

    p_a_better: share of the resamples in which `a` is ahead, draws counting half (NaN without queries).
    """

    mean: float
    low: float
    high: float
    p_a_better: float
    queries: int


def _resampled_means(values: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Means [resamples] of `values` [n] drawn with replacement; the draws depend on n and seed only."""
    draw = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(values))
    parts = []
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        parts.append(values[draw.integers(0, len(values), size=(rows, len(values)))].mean(axis=1))
    return np.concatenate(parts)


def _ends(means: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(means, [tail, 100.0 - tail])
    return float(low), float(high)


def _check(resamples: int, confidence: float) -> None:
    if resamples < 1 or not 0.0 < confidence < 1.0:
        raise MmsearchError(
            f"a bootstrap needs resamples >= 1 and 0 < confidence < 1, not {resamples} and {confidence}"
        )


def interval(values: ArrayLike, *, resamples: int = 2000, confidence: float = 0.95, seed: int) -> Interval:
    """Mean of per-query `values` [n] with its bootstrap interval.

    >>> interval([0.5, 0.5, 0.5], seed=0)
    Interval(mean=0.5, low=0.5, high=0.5, queries=3)
    """
    _check(resamples, confidence)
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        mean = float(array[0]) if len(array) else float("nan")
        return Interval(mean, float("nan"), float("nan"), len(array))
    low, high = _ends(_resampled_means(array, resamples, seed), confidence)
    return Interval(float(array.mean()), low, high, len(array))


def paired_difference(
    a: ArrayLike, b: ArrayLike, *, resamples: int = 2000, confidence: float = 0.95, seed: int
) -> Difference:
    """How much better `a` is than `b`: values [n] of the same queries in the same order.

    The draws depend on n and `seed` only, so raising any value of `a` never lowers an end of the interval.
    Raises MmsearchError when the two do not line up.

    >>> paired_difference([1.0, 1.0], [0.5, 0.5], seed=0)
    Difference(mean=0.5, low=0.5, high=0.5, p_a_better=1.0, queries=2)
    """
    _check(resamples, confidence)
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.shape != right.shape or left.ndim != 1:
        raise MmsearchError(f"paired values must line up query by query: shapes {left.shape}, {right.shape}")
    gap = left - right
    if len(gap) == 0:
        return Difference(float("nan"), float("nan"), float("nan"), float("nan"), 0)
    if len(gap) == 1:
        ahead = 0.5 + 0.5 * float(np.sign(gap[0]))
        return Difference(float(gap[0]), float("nan"), float("nan"), ahead, 1)
    means = _resampled_means(gap, resamples, seed)
    low, high = _ends(means, confidence)
    ahead = float("nan") if np.isnan(means).any() else float((means > 0).mean() + 0.5 * (means == 0).mean())
    return Difference(float(gap.mean()), low, high, ahead, len(gap))
