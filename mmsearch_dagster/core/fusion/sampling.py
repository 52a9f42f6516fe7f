"""What one step of training sees: which queries, which items, which modalities are hidden."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsearch_dagster.core.fusion.config import TrainParams
from mmsearch_dagster.core.fusion.dataset import Judged
from mmsearch_dagster.core.labels.provenance import PROVENANCE_SHARES

# Pictures of one product in a step: a shop may have dozens of some, and each costs a pass of the tower.
VIEWS = 4


def query_chances(judged: Judged) -> NDArray[np.float64]:
    """Sampling probability of each query: by the share of its provenance, evenly within it.

    Args:
        judged: `q` queries with their provenance.

    Returns:
        float64 [q], sums to 1.
    """
    chance = np.zeros(len(judged.queries))
    if not len(chance):
        return chance
    for provenance, share in PROVENANCE_SHARES.items():
        rows = judged.provenance == provenance
        if rows.any():
            chance[rows] = share / rows.sum()
    # Evenly mixed with uniform, so that `choice` without replacement always finds enough queries.
    chance = chance / chance.sum() if chance.sum() else chance + 1
    return 0.98 * chance / chance.sum() + 0.02 / len(chance)


def sample_pool(judged: Judged, params: TrainParams, rng: np.random.Generator) -> NDArray[np.int64]:
    """Samples the items of one training step: some positives of each query, the rest at random.

    Args:
        judged: the queries of the step.
        params: size of the pool, positives per query.
        rng: the training's random numbers.

    Returns:
        Item rows int64 [pool], ascending.
    """
    queries, total = cast(tuple[int, int], judged.grades.shape)
    if total <= params.pool:
        return np.arange(total)
    chosen: set[int] = set()
    for row in range(queries):
        start, stop = judged.grades.indptr[row], judged.grades.indptr[row + 1]
        items, grades = judged.grades.indices[start:stop], judged.grades.data[start:stop]
        if len(items):
            # As many of each grade as there is room: the top grade is often rare.
            weight = 4.0**grades / np.bincount(grades.astype(int), minlength=4)[grades.astype(int)]
            size = min(params.positives, len(items))
            chosen.update(rng.choice(items, size=size, replace=False, p=weight / weight.sum()).tolist())
    extra = rng.choice(total, size=max(params.pool - len(chosen), params.pool // 4), replace=False)
    return np.array(sorted(chosen | set(extra.tolist())), dtype=np.int64)


def sample_views(
    starts: NDArray[np.int64], total: int, pool: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of the pool's items in a batch with a row per picture: at most VIEWS of each, at random.

    Args:
        starts: first row of each item, [items]. total: rows of the batch.
        pool: the items, [p].

    Returns:
        Rows [m], those of an item together, and the first one of each item among them, [p].
    """
    if len(starts) == total:  # every item is one row
        return pool, np.arange(len(pool))
    ends = np.append(starts[1:], total)
    views: list[NDArray[np.int64]] = []
    for first, end in zip(starts[pool], ends[pool], strict=True):
        count = end - first
        some = np.sort(rng.choice(count, VIEWS, replace=False)) if count > VIEWS else np.arange(count)
        views.append(first + some)
    counts = np.array([len(rows) for rows in views])
    return np.concatenate(views), np.cumsum(counts) - counts


def best_view(similarity: Tensor, starts: NDArray[np.int64]) -> Tensor:
    """Of each item the similarity of its nearest row, as the index scores it.

    Args:
        similarity: [q, m].
        starts: first row of each item, of `sample_views`, [p].

    Returns:
        [q, p].
    """
    rows = similarity.shape[1]
    if len(starts) == rows:
        return similarity
    counts = np.diff(np.append(starts, rows))
    item = torch.from_numpy(np.repeat(np.arange(len(starts)), counts)).expand(len(similarity), -1)
    best = similarity.new_full((len(similarity), len(starts)), -torch.inf)
    return best.scatter_reduce(1, item, similarity, reduce="amax")


def hide_some(present: dict[str, Tensor], share: float, rng: np.random.Generator) -> dict[str, Tensor]:
    """Hides each modality with the given chance, but never the last one of a row.

    Args:
        present: modality -> bool [b].
        share: chance of each modality, 0 to 1.
        rng: the training's random numbers.

    Returns:
        Modality -> bool [b].
    """
    if len(present) < 2 or share == 0:
        return present
    names = sorted(present)
    mask = torch.stack([present[name] for name in names], dim=1)
    keep = mask & torch.from_numpy(rng.random(mask.shape) >= share)
    keep = torch.where(keep.any(dim=1, keepdim=True), keep, mask)
    return {name: keep[:, column] for column, name in enumerate(names)}
