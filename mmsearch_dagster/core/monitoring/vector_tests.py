"""Whether two sets of vectors come from the same population: three tests, from the whole to its parts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix

# Below it a test says nothing.
MIN_VECTORS = 20
_MIN_IN_CATEGORY = 8
_PERMUTATIONS = 999
_COMPONENTS = 32
_FOLDS = 5
_PENALTY = 10.0
_NEWTON_STEPS = 8
_TINY = 1e-12

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class VectorTest:
    """A statistic and the chance of one as large in unchanged data; NaN where it could not be computed."""

    statistic: float
    p: float


NOT_TESTED = VectorTest(math.nan, math.nan)


def maximum_mean_discrepancy(before: Matrix, now: Matrix, *, seed: int = 0) -> VectorTest:
    """Squared maximum mean discrepancy (MMD) under a Gaussian kernel, with a permutation test.

    The kernel's width is the median distance of the pooled sample. Source: Gretton et al., A kernel
    two-sample test, JMLR 13 (2012).

    Args:
        before: float32 [n, width], the reference.
        now: float32 [m, width].
        seed: of the permutations.

    Returns:
        The biased statistic, 0 or more, and its p value.
    """
    if min(len(before), len(now)) < MIN_VECTORS:
        return NOT_TESTED
    pooled = np.concatenate([before, now]).astype(np.float64)
    squares = (pooled**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2 * pooled @ pooled.T, 0.0)
    width = np.median(distances[np.triu_indices(len(pooled), 1)])
    kernel = np.exp(-distances / max(float(width), _TINY))
    signs = _permuted_signs(len(before), len(now), seed)
    values = _quadratic(kernel, signs)
    return VectorTest(float(values[0]), _share_as_large(values))


def classifier_test(before: Matrix, now: Matrix, *, seed: int = 0) -> VectorTest:
    """How well a cross-fitted logistic regression tells the two sets apart (classifier two-sample test).

    The vectors are first reduced to their main components, without regard to the set. Source: Lopez-Paz and
    Oquab, Revisiting classifier two-sample tests, ICLR 2017. p follows from the Mann-Whitney variance of each
    fold, widened because the folds share training rows (Nadeau and Bengio, Machine Learning 52, 2003).

    Args:
        before: float32 [n, width], the reference.
        now: float32 [m, width].
        seed: of the folds.

    Returns:
        The mean area under the ROC curve of the folds (0.5: they cannot be told apart), and its p value.
    """
    if min(len(before), len(now)) < MIN_VECTORS:
        return NOT_TESTED
    features = _components(np.concatenate([before, now]).astype(np.float64))
    labels = np.repeat([0, 1], [len(before), len(now)])
    return _cross_fitted(features, labels, seed)


def category_shift(
    before: tuple[Matrix, Sequence[str]], now: tuple[Matrix, Sequence[str]], *, seed: int = 0
) -> tuple[str, VectorTest]:
    """The category whose vectors moved the most, by the distance of the two centroids.

    The permutations stay within each category, and the largest shift is compared with the largest of each
    permutation: many categories raise no false alarm. Categories with few vectors on either side are left
    out.

    Args:
        before: float32 [n, width] and the category of each row ("": none), of the reference.
        now: the same, of today.
        seed: of the permutations.

    Returns:
        The category ("" where none has enough vectors), 1 - cosine of its two centroids, and the p value.
    """
    names = sorted(set(before[1]) & set(now[1]) - {""})
    rows = {name: [_rows_of(side, name) for side in (before, now)] for name in names}
    rows = {name: pair for name, pair in rows.items() if min(map(len, pair)) >= _MIN_IN_CATEGORY}
    if not rows:
        return "", NOT_TESTED
    ratios = np.stack([_centroid_ratios(*pair, seed + n) for n, pair in enumerate(rows.values())])
    worst = list(rows)[int(ratios[:, 0].argmax())]
    return worst, VectorTest(_centroid_shift(*rows[worst]), _share_as_large(ratios.max(axis=0)))


def _rows_of(side: tuple[Matrix, Sequence[str]], name: str) -> _Floats:
    return side[0][np.asarray(side[1]) == name].astype(np.float64)


def _centroid_shift(before: _Floats, now: _Floats) -> float:
    """1 - cosine of the two means."""
    means = [rows.mean(axis=0) for rows in (before, now)]
    norms = max(float(np.linalg.norm(means[0]) * np.linalg.norm(means[1])), _TINY)
    return max(0.0, 1.0 - float(means[0] @ means[1]) / norms)


def _centroid_ratios(before: _Floats, now: _Floats, seed: int) -> _Floats:
    """Squared distance of the centroids, observed first, over its mean under permutation."""
    pooled = np.concatenate([before, now])
    values = _quadratic(pooled @ pooled.T, _permuted_signs(len(before), len(now), seed))
    return values / max(float(values[1:].mean()), _TINY)


def _permuted_signs(n: int, m: int, seed: int) -> _Floats:
    """[n + m, 1 + permutations]: 1 / n for a row of the reference, -1 / m for one of today."""
    observed = np.repeat([1 / n, -1 / m], [n, m])
    draw = np.random.default_rng(seed)
    shuffled = draw.permuted(np.tile(observed, (_PERMUTATIONS, 1)), axis=1)
    return np.column_stack([observed, shuffled.T])


def _quadratic(kernel: _Floats, signs: _Floats) -> _Floats:
    """sᵀ K s of each column."""
    return np.maximum((signs * (kernel @ signs)).sum(axis=0), 0.0)


def _share_as_large(values: _Floats) -> float:
    """p of the first value among all of them."""
    return float((values >= values[0] - _TINY).mean())


def _components(pooled: _Floats) -> _Floats:
    """Main components with unit variance; those without any are left out."""
    centred = pooled - pooled.mean(axis=0)
    left, scales, _ = np.linalg.svd(centred, full_matrices=False)
    kept = scales[:_COMPONENTS] > max(float(scales[0]), _TINY) * 1e-6
    return left[:, :_COMPONENTS][:, kept] * math.sqrt(len(pooled))


def _cross_fitted(features: _Floats, labels: NDArray[np.int64], seed: int) -> VectorTest:
    """Each fold is scored by the model of the others."""
    from scipy.stats import norm

    if not features.shape[1]:
        return VectorTest(0.5, 1.0)
    fold_of = _folds(features, labels, seed)
    areas, variances = [], []
    for fold in range(_FOLDS):
        held_out = fold_of == fold
        weights = _logistic_weights(features[~held_out], labels[~held_out])
        scores, truth = _with_intercept(features[held_out]) @ weights, labels[held_out]
        areas.append(_area(scores[truth == 0], scores[truth == 1]))
        n, m = np.maximum(np.bincount(truth, minlength=2), 1)
        variances.append((n + m + 1) / (12 * n * m))
    spread = math.sqrt(float(np.mean(variances)) * (1 / _FOLDS + 1 / (_FOLDS - 1)))
    area = float(np.mean(areas))
    return VectorTest(area, float(norm.sf((area - 0.5) / spread)))


def _folds(features: _Floats, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The fold of each row. Each has the same share of both sets, and of the rows that are in both.

    Equal rows share a fold: a model that learned one of them with the other label would be sure of the wrong
    one for its twin.
    """
    groups = np.unique(features.round(4), axis=0, return_inverse=True)[1].ravel()
    sides = np.zeros(groups.max() + 1, np.int64)
    np.bitwise_or.at(sides, groups, labels + 1)
    draw, fold_of = np.random.default_rng(seed), np.empty(len(sides), np.int64)
    for side in (1, 2, 3):
        members = np.flatnonzero(sides == side)
        fold_of[draw.permutation(members)] = np.arange(len(members)) % _FOLDS
    return fold_of[groups]


def _with_intercept(features: _Floats) -> _Floats:
    return np.column_stack([np.ones(len(features)), features])


def _logistic_weights(features: _Floats, labels: NDArray[np.int64]) -> _Floats:
    """Logistic regression with an L2 penalty, by Newton's steps; the intercept comes first."""
    rows = _with_intercept(features)
    penalty = np.full(rows.shape[1], _PENALTY)
    penalty[0] = _TINY
    weights = np.zeros(rows.shape[1])
    for _ in range(_NEWTON_STEPS):
        share = 1.0 / (1.0 + np.exp(-np.clip(rows @ weights, -30, 30)))
        gradient = rows.T @ (share - labels) + penalty * weights
        curvature = (rows.T * (share * (1.0 - share))) @ rows + np.diag(penalty)
        weights = weights - np.linalg.solve(curvature, gradient)
    return weights


def _area(before: _Floats, now: _Floats) -> float:
    """Share of pairs in which the vector of today scores higher; ties count half."""
    if not len(before) or not len(now):  # a fold of one set alone
        return 0.5
    above = (now[:, None] > before[None, :]).mean()
    return float(above + (now[:, None] == before[None, :]).mean() / 2)
