"""Fits a photo memory in closed form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.memories.photo_memory import PhotoMemory, PictureKeys, evened
from mmsearch_dagster.core.memories.photo_space import PhotoSpace, Scatter, sums_by_label
from mmsearch_dagster.core.memories.photos import LabelledPhotos
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.nearest import unit_rows

# A product's own pictures count as much as so many photos of it.
_OWN_PICTURES = 1.0
_LEAST_SHARE = 0.25


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
    judged, pictured = (_Placed.of(space, part, number) for part in (photos, pictures))
    both = (judged.counts > 0) & (pictured.counts > 0)
    shift = (judged.means - pictured.means)[both].mean(axis=0) if both.any() else np.zeros_like(space.mean)
    moved = pictured.means + shift
    weight = np.where(pictured.counts > 0, _OWN_PICTURES, 0.0)
    sums = judged.counts[:, None] * judged.means + weight[:, None] * moved
    keys = unit_rows(sums / np.maximum(judged.counts + weight, _OWN_PICTURES)[:, None])
    cosine = _picture_cosine(judged, keys, unit_rows(moved), both)
    offset, scale = _evened(judged, keys, cosine)
    later = PictureKeys(shift.astype(np.float32), judged.photos.mean(axis=0), np.array(cosine))
    return PhotoMemory(space, ids, keys, offset, scale, judged.counts, later)


def _picture_cosine(judged: _Placed, keys: Matrix, pictures: Matrix, both: NDArray[np.bool_]) -> float:
    """Mean cosine of photos with the key that their product would have by its pictures alone.

    Where no product has both, that of photos with their own key. Not less than a share of that: pictures that
    say nothing about photos must not be made to count.

    Args:
        judged: the photos in the space.
        keys: unit vectors, [p, d].
        pictures: by pictures alone, [p, d].
        both: which products have photos and pictures, [p].
    """
    by_photos = float(np.mean(np.sum(judged.photos * keys[judged.labels], axis=1)))
    rows = np.flatnonzero(both[judged.labels])
    if not len(rows):
        return by_photos
    by_picture = float(np.mean(np.sum(judged.photos[rows] * pictures[judged.labels[rows]], axis=1)))
    return max(by_picture, _LEAST_SHARE * by_photos)


def _evened(judged: _Placed, keys: Matrix, picture_cosine: float) -> tuple[Matrix, Matrix]:
    """Offset and scale of each key.

    Args:
        judged: the photos in the space.
        keys: unit vectors, [p, d].
        picture_cosine: with photos of its own product, of a key without one.
    """
    cosines = (judged.photos @ keys.T).astype(np.float64)
    others = len(judged.labels) - judged.counts
    to_own = cosines[np.arange(len(cosines)), judged.labels]
    own_sums = np.bincount(judged.labels, to_own, minlength=len(keys))
    offset = np.where(others > 0, (cosines.sum(axis=0) - own_sums) / np.maximum(others, 1), 0.0)
    mean_cosines = np.where(judged.counts > 0, own_sums / np.maximum(judged.counts, 1), picture_cosine)
    offset = offset.astype(np.float32)
    return offset, evened(mean_cosines, offset)
