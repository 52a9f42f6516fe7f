"""What a photo memory is worth, on photos unlike those that it was fitted on; chooses the shrinkage by it.

Photos of one product that lie side by side (the same shelf, a minute later) share a fold: photo by photo the
held-out ones would find their neighbours, and any memory would look perfect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.memories.photo_fit import fit_memory, scatter_of
from mmsearch_dagster.core.memories.photos import LabelledPhotos
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.nearest import ProductVectors, unit_rows

SHRINKAGES = (0.1, 0.3, 0.8)
_FOLDS = 4
# A smaller shrinkage must find so much more, as a share of all photos: less is noise.
_WORTH = 0.002


@dataclass(frozen=True)
class CrossFit:
    """First places found by photos that a memory was not fitted on.

    shrinkage: the chosen one. memory, picture: 1.0 where the product was first, float64 [m], in the memory
    and by the nearest of the catalogue's own pictures. by_shrinkage: share of first places.
    """

    shrinkage: float
    memory: NDArray[np.float64]
    picture: NDArray[np.float64]
    by_shrinkage: Mapping[float, float]


def cross_fit(
    photos: LabelledPhotos, pictures: LabelledPhotos, query_views: int, *, folds: int = _FOLDS
) -> CrossFit:
    """Fits on all folds but one and looks for the photos of that one, for each shrinkage.

    Args:
        photos: judged photos.
        pictures: the catalogue's own.
        query_views: how many of the views a query has, the first ones; others are left out here.
        folds: parts of each product's photos.
    """
    photos, pictures = (
        LabelledPhotos(part.products, part.views[:query_views]) for part in (photos, pictures)
    )
    fold = similar_folds(photos, folds)
    first = {shrinkage: np.zeros(len(photos)) for shrinkage in SHRINKAGES}
    counted = np.zeros(len(photos), dtype=bool)
    for number in range(folds):
        inside = photos.take(np.flatnonzero(fold != number))
        outside = np.flatnonzero(fold == number)
        if not len(inside) or not len(outside):
            continue
        counted[outside] = True
        scatter = scatter_of(inside)
        part = photos.take(outside)
        for shrinkage, values in first.items():
            memory = fit_memory(inside, pictures, shrinkage, scatter=scatter)
            ranked = memory.nearest(part.views, 1)
            values[outside] = _first(part.products, ranked)
    means = {shrinkage: float(values[counted].mean()) for shrinkage, values in first.items() if counted.any()}
    best = _simplest(means)
    picture = _first(photos.products, _by_picture(photos, pictures))
    return CrossFit(best, first[best][counted], picture[counted], means)


def _simplest(means: Mapping[float, float]) -> float:
    """The largest shrinkage unless a smaller one is worth it."""
    chosen = max(SHRINKAGES)
    for shrinkage in sorted(means, reverse=True):
        if means[shrinkage] > means[chosen] + _WORTH:
            chosen = shrinkage
    return chosen


def similar_folds(photos: LabelledPhotos, folds: int) -> NDArray[np.int64]:
    """The fold of each photo, [n]: the photos of a product in order of their main difference, cut into parts.

    A product with fewer photos than folds has them in different ones. The order of the photos does not
    matter.

    Args:
        photos: judged photos; their first view is compared.
        folds: how many parts.
    """
    unit = unit_rows(photos.views[0])
    products = np.array(photos.products, dtype=np.str_)
    fold = np.zeros(len(photos), dtype=np.int64)
    for turn, product in enumerate(sorted(set(photos.products))):
        rows = np.flatnonzero(products == product)
        order = rows[np.argsort(_main_difference(unit[rows]), kind="stable")]
        fold[order] = (np.arange(len(rows)) * folds // max(len(rows), folds) + turn) % folds
    return fold


def _main_difference(rows: Matrix) -> NDArray[np.float64]:
    """Where each row lies along the direction in which the rows differ most, [k]; its sign is fixed."""
    centred = rows.astype(np.float64) - rows.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    along = np.round(centred @ direction, 6)
    farthest = along[np.argmax(np.abs(along))]
    return along if farthest >= 0 else -along


def _first(products: Sequence[str], ranked: Sequence[Sequence[tuple[str, float]]]) -> NDArray[np.float64]:
    return np.array(
        [bool(hits) and hits[0][0] == product for product, hits in zip(products, ranked, strict=True)],
        dtype=np.float64,
    )


def _by_picture(photos: LabelledPhotos, pictures: LabelledPhotos) -> list[list[tuple[str, float]]]:
    if not len(pictures):
        return [[] for _ in photos.products]
    return list(ProductVectors.of(pictures.products, pictures.views[0]).nearest(photos.views[0], 1))
