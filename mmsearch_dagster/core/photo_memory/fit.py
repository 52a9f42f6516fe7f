"""Fits a photo memory in closed form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.photo_memory.memory import PhotoMemory
from mmsearch_dagster.core.photo_memory.photos import LabelledPhotos
from mmsearch_dagster.core.photo_memory.space import PhotoSpace, Scatter, sums_by_label
from mmsearch_dagster.core.retrieval.nearest import unit_rows

# A product's own pictures count as much as so many photos of it.
_OWN_PICTURES = 1.0
# How far a key's typical cosines are evened out, 0 to 1. At 1 products of many photos lose what these say,
# at 0 products without a photo are never first (both measured).
_EVENED = 0.5
_LEAST_SCALE = 0.02


@dataclass(frozen=True)
class _Placed:
    """Photos in the space. labels: product numbers, [n]. photos: unit vectors, one per photo, [n, d].
    means: mean vector per product, [p, d], zeros where there is none. counts: [p]."""

    labels: NDArray[np.int64]
    photos: Matrix
    means: Matrix
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, space: PhotoSpace, photos: LabelledPhotos, number: dict[str, int]) -> "_Placed":
        labels = numbers(photos, number)
        views, _, width = photos.views.shape
        rows = space.of_rows(photos.views.reshape(-1, width))
        counts = np.bincount(labels, minlength=len(number))
        sums = sums_by_label(rows, np.tile(labels, views), len(number))
        means = sums / np.maximum(counts * views, 1)[:, None]
        seen = unit_rows(rows.reshape(photos.views.shape).mean(axis=0))
        return cls(labels, seen, means.astype(np.float32), counts)


def numbers(photos: LabelledPhotos, number: dict[str, int]) -> NDArray[np.int64]:
    """The number of each photo's product, [n]."""
    return np.array([number[product] for product in photos.products], dtype=np.int64)


def scatter_of(photos: LabelledPhotos) -> Scatter:
    """Of all views of the photos, in any order."""
    number = {product: n for n, product in enumerate(sorted(set(photos.products)))}
    rows = photos.views.reshape(-1, photos.views.shape[-1])
    return Scatter.of(rows, np.tile(numbers(photos, number), len(photos.views)))


def fit_memory(
    photos: LabelledPhotos, pictures: LabelledPhotos, shrinkage: float, *, scatter: Scatter | None = None
) -> PhotoMemory:
    """A key for every product that has a judged photo or a picture of its own.

    A key is the mean of the product's photos, its own pictures counting as one photo more; those are moved by
    what photos and pictures of the same products differ by on average.

    Args:
        photos: judged photos, of one product or more; one photo of a product is enough.
        pictures: the catalogue's own pictures, with the same views; there may be none.
        shrinkage: of the space, 0 to 1.
        scatter: of `photos`, where it was computed before.
    """
    space = PhotoSpace.of(scatter or scatter_of(photos), shrinkage)
    ids = tuple(sorted({*photos.products, *pictures.products}))
    number = {product: n for n, product in enumerate(ids)}
    judged, own = (_Placed.of(space, part, number) for part in (photos, pictures))
    both = (judged.counts > 0) & (own.counts > 0)
    shift = (judged.means - own.means)[both].mean(axis=0) if both.any() else np.zeros_like(space.mean)
    moved = own.means + shift
    weight = np.where(own.counts > 0, _OWN_PICTURES, 0.0)
    sums = judged.counts[:, None] * judged.means + weight[:, None] * moved
    keys = unit_rows(sums / np.maximum(judged.counts + weight, _LEAST_SCALE)[:, None])
    offset, scale = _evened(judged, keys, unit_rows(moved), both)
    return PhotoMemory(space, ids, keys, offset, scale, judged.counts)


def _evened(
    judged: _Placed, keys: Matrix, pictures: Matrix, both: NDArray[np.bool_]
) -> tuple[Matrix, Matrix]:
    """Offset and scale of each key: its cosines with photos of other products, and with those of its own.

    What a picture's cosine with photos of its own product would be is read off the products that have both.

    Args:
        judged: the photos in the space.
        keys: unit vectors, [p, d].
        pictures: the key that each product would have by its pictures alone, [p, d].
        both: which products have photos and pictures, [p].
    """
    cosines = (judged.photos @ keys.T).astype(np.float64)
    others = len(judged.labels) - judged.counts
    count = np.maximum(judged.counts, 1)
    to_own = cosines[np.arange(len(cosines)), judged.labels]
    own_cosines = np.bincount(judged.labels, to_own, minlength=len(keys))
    offset = np.where(others > 0, (cosines.sum(axis=0) - own_cosines) / np.maximum(others, 1), 0.0)
    own = np.where(judged.counts > 0, own_cosines / count, 0.0)
    pictured = np.flatnonzero(both[judged.labels])
    expected = (
        float(np.mean(np.sum(judged.photos[pictured] * pictures[judged.labels[pictured]], axis=1)))
        if len(pictured)
        else float(own[judged.counts > 0].mean())
    )
    own = np.where(judged.counts > 0, own, expected)
    scale = np.maximum(own - offset, _LEAST_SCALE) ** _EVENED
    return offset.astype(np.float32), scale.astype(np.float32)
