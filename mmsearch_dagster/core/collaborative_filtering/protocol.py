"""Model selection for collaborative filtering: chosen on validation, measured on test interactions.

Every item of the training part is a candidate (no sampled negatives: Krichene and Rendle, On sampled
metrics for item recommendation, KDD 2020), the items a user has seen in training are left out. Users and
items that the training part does not hold cannot be judged by a collaborative model; they are counted.
Letters: `q` users judged, `n` items, `k` ranks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.collaborative_filtering.ease import TooManyItemsError
from mmsearch_dagster.core.collaborative_filtering.interactions import (
    FeedbackParams,
    Interactions,
    interactions_of,
)
from mmsearch_dagster.core.collaborative_filtering.models import ItemRanker, Kind, ModelParams, fit
from mmsearch_dagster.core.collaborative_filtering.splits import Parts
from mmsearch_dagster.core.metrics.bootstrap import Interval, interval
from mmsearch_dagster.core.metrics.ranking import measure

_BATCH = 1024
_ALS = tuple(
    ModelParams(kind="als", factors=factors, alpha=alpha) for factors in (16, 64) for alpha in (1.0, 10.0)
)
# Slow steps suit a dense log (MovieLens), fast ones a thin log.
_BPR = tuple(
    ModelParams(kind="bpr", regularization=0.01, learning_rate=rate, iterations=iterations)
    for rate, iterations in ((0.05, 30), (0.05, 100), (0.01, 60), (0.005, 120))
)
_EASE = tuple(ModelParams(kind="ease", l2=l2) for l2 in (10.0, 100.0, 500.0))
GRID: tuple[ModelParams, ...] = (ModelParams(kind="popularity"), *_EASE, *_ALS, *_BPR)
# What can become an item modality; the whole EASE and popularity stand beside it for comparison.
FACTOR_GRID: tuple[ModelParams, ...] = (
    *GRID,
    *(
        ModelParams(kind="ease-svd", l2=l2, factors=factors)
        for l2 in (10.0, 100.0, 500.0)
        for factors in (16, 64)
    ),
)
FACTOR_KINDS: tuple[Kind, ...] = ("ease-svd", "als", "bpr")


@dataclass(frozen=True)
class HeldOutItems:
    """The users to predict for, and what they chose later.

    users: rows [q] of the training matrix; chosen: per user the columns of the training matrix.
    cold_users, cold_pairs: users, and pairs of user and item, that training does not hold.
    """

    users: NDArray[np.int64]
    chosen: tuple[NDArray[np.int64], ...]
    cold_users: int
    cold_pairs: int


@dataclass(frozen=True)
class Trial:
    """One model's value on the validation part."""

    params: ModelParams
    value: float


@dataclass(frozen=True)
class Measured:
    """The best of one kind, fitted again on train and validation, on the test part.

    values: metric -> per-user values [q]; intervals: metric -> mean and bootstrap interval.
    """

    params: ModelParams
    validation: float
    values: Mapping[str, NDArray[np.float64]]
    intervals: Mapping[str, Interval]


@dataclass(frozen=True)
class Comparison:
    """All trials, the best of each kind on the test part (best on validation first), and the counts."""

    trials: tuple[Trial, ...]
    measured: tuple[Measured, ...]
    counts: Mapping[str, int]
    skipped: Mapping[str, str]

    @property
    def chosen(self) -> Measured:
        """The best on validation."""
        return self.measured[0]

    def best_of(self, kinds: Sequence[Kind]) -> Measured | None:
        """The best on validation among models of these kinds."""
        return next((candidate for candidate in self.measured if candidate.params.kind in kinds), None)


def judged(interactions: Interactions, later: pl.DataFrame) -> HeldOutItems:
    """The later choices of the users and items that a matrix holds.

    Args:
        interactions: the matrix of the earlier events.
        later: held-out events.

    Returns:
        Rows of users with the columns they chose, and counts of what is not in the matrix.
    """
    pairs = later.select(col.USER_ID, col.PRODUCT_ID).unique().sort(col.USER_ID, col.PRODUCT_ID)
    row_of_user = {user: row for row, user in enumerate(interactions.users)}
    column_of_item = {item: column for column, item in enumerate(interactions.items)}
    chosen: dict[int, list[int]] = {}
    for user, item in pairs.iter_rows():
        if user in row_of_user and item in column_of_item:
            chosen.setdefault(row_of_user[user], []).append(column_of_item[item])
    rows = sorted(chosen)
    cold = set(pairs[col.USER_ID].to_list()) - set(interactions.users)
    judged_pairs = sum(len(items) for items in chosen.values())
    return HeldOutItems(
        users=np.array(rows, dtype=np.int64),
        chosen=tuple(np.array(chosen[row], dtype=np.int64) for row in rows),
        cold_users=len(cold),
        cold_pairs=pairs.height - judged_pairs,
    )


def top(scores: NDArray[np.float32], seen: NDArray[np.bool_], depth: int) -> NDArray[np.int64]:
    """The best columns of each row; ties by column.

    Args:
        scores: float32 [b, n].
        seen: bool [b, n]; these columns rank behind all others.
        depth: how many columns to return.

    Returns:
        int64 [b, depth], best first.
    """
    worst_first = np.where(seen, np.inf, -scores)
    columns = np.arange(scores.shape[1])[None, :].repeat(len(scores), axis=0)
    if depth < scores.shape[1]:
        columns = np.sort(np.argpartition(worst_first, depth - 1, axis=1)[:, :depth], axis=1)
    order = np.argsort(np.take_along_axis(worst_first, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def per_user(
    ranker: ItemRanker, interactions: Interactions, held_out: HeldOutItems, metrics: Sequence[str], depth: int
) -> dict[str, NDArray[np.float64]]:
    """Measures a ranker on held-out choices; an item is relevant (grade 1) when the user chose it later.

    Args:
        ranker: a fitted model.
        interactions: the matrix it was fitted to; seen items are never relevant.
        held_out: the choices to predict, of `q` users.
        metrics: names such as `ndcg@10`.
        depth: how many items are ranked per user.

    Returns:
        Metric -> float64 [q].
    """
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in metrics}
    for start in range(0, len(held_out.users), _BATCH):
        rows, chosen = held_out.users[start : start + _BATCH], held_out.chosen[start : start + _BATCH]
        seen = interactions.matrix[rows].toarray() > 0
        relevant = np.zeros(seen.shape, dtype=bool)
        for row, items in enumerate(chosen):
            relevant[row, items] = True
        best = top(ranker.scores(rows), seen, depth)
        grades = np.take_along_axis(relevant & ~seen, best, axis=1).astype(np.int64)
        for name in metrics:
            parts[name].append(measure(name, grades, _ideal(chosen)))
    return {name: np.concatenate(values) if values else np.empty(0) for name, values in parts.items()}


def _ideal(chosen: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    sizes = np.array([len(items) for items in chosen])
    return (np.arange(sizes.max()) < sizes[:, None]).astype(np.int64)


def compare(
    parts: Parts,
    feedback: FeedbackParams,
    *,
    grid: Sequence[ModelParams] = GRID,
    k: int = 10,
    seed: int = 7,
) -> Comparison:
    """Fit the grid on train, choose on validation by nDCG@k, measure each kind's best on test.

    A model that cannot be fitted (EASE with too many items) is skipped, with its reason.
    Where validation judges nobody, the first of each kind stands, with NaN for its value.
    """
    metrics = (f"ndcg@{k}", f"recall@{k}")
    interactions = interactions_of(parts.train, feedback)
    held_out = judged(interactions, parts.validation)
    skipped: dict[str, str] = {}
    trials: list[Trial] = []
    for params in grid:
        if params.kind in skipped:
            continue
        try:
            values = per_user(fit(interactions, params), interactions, held_out, metrics[:1], k)[metrics[0]]
        except TooManyItemsError as error:
            skipped[params.kind] = str(error)
            continue
        trials.append(Trial(params, float(values.mean()) if len(values) else float("nan")))
    full = interactions_of(pl.concat([parts.train, parts.validation]), feedback)
    tested = judged(full, parts.test)
    measured = tuple(_measured(full, tested, trial, metrics, depth=k, seed=seed) for trial in _best(trials))
    return Comparison(tuple(trials), measured, _counts(interactions, held_out, tested), skipped)


def _best(trials: Sequence[Trial]) -> list[Trial]:
    """The best trial of each kind, the best of all first; ties keep the order of the grid."""
    best: dict[Kind, Trial] = {}
    for trial in trials:
        if trial.params.kind not in best or trial.value > best[trial.params.kind].value:
            best[trial.params.kind] = trial
    return sorted(best.values(), key=lambda trial: np.nan_to_num(-trial.value))


def _measured(
    interactions: Interactions,
    held_out: HeldOutItems,
    trial: Trial,
    metrics: Sequence[str],
    *,
    depth: int,
    seed: int,
) -> Measured:
    values = per_user(fit(interactions, trial.params), interactions, held_out, metrics, depth)
    return Measured(
        params=trial.params,
        validation=trial.value,
        values=values,
        intervals={name: interval(column, seed=seed) for name, column in values.items()},
    )


def _counts(interactions: Interactions, held_out: HeldOutItems, tested: HeldOutItems) -> dict[str, int]:
    return {
        "training users": len(interactions.users),
        "training items": len(interactions.items),
        "training pairs": int(interactions.matrix.nnz),
        "validation users": len(held_out.users),
        "test users": len(tested.users),
        "test pairs": sum(len(items) for items in tested.chosen),
        "cold test users left out": tested.cold_users,
        "cold test pairs left out": tested.cold_pairs,
    }
