"""The photo memory of a release: one key per product, made of its judged photos and its own pictures."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.memories.photo_space import PhotoSpace, sums_by_label
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.nearest import SCORE_DECIMALS, unit_rows

MEMORY_FILE = "photo_memory.npz"
# How far a key's typical cosines are evened out, 0 to 1. At 1 products of many photos lose what these say,
# at 0 products without a photo are never first (both measured).
_EVENED = 0.5
_LEAST_SCALE = 0.02


def evened(own: NDArray[np.float64], offset: Matrix) -> Matrix:
    """What cosines beyond `offset` are divided by, float32 [p].

    Args:
        own: cosine of each key with photos of its own product, [p].
        offset: with photos of others, [p].
    """
    return (np.maximum(own - offset, _LEAST_SCALE) ** _EVENED).astype(np.float32)


@dataclass(frozen=True)
class PictureKeys:
    """How a product's pictures become its key, where it has no judged photo.

    shift: what photos and pictures of the same products differ by, float32 [d]. photo: the mean of all photos
    in the space, float32 [d]. cosine: of a picture with photos of its own product, float64 [].
    """

    shift: Matrix
    photo: Matrix
    cosine: NDArray[np.float64]


@dataclass(frozen=True)
class PhotoMemory:
    """What a photo is compared with.

    space: where. ids: `p` products, ascending. keys: unit vectors of the space, float32 [p, d].
    offset: the mean cosine of each key with photos of other products, float32 [p]. scale: what a cosine
    beyond that is divided by, float32 [p]: a key of many photos is nearer to every photo than a single
    picture is, and would hide the products that have nothing else. photos: judged photos per product, [p].
    pictures: for products that come later.
    """

    space: PhotoSpace
    ids: tuple[str, ...]
    keys: Matrix
    offset: Matrix
    scale: Matrix
    photos: NDArray[np.int64]
    pictures: PictureKeys

    def with_pictures(self, products: Sequence[str], vectors: Matrix) -> "PhotoMemory":
        """Also the products that it does not know, by their pictures.

        Args:
            products: the product of each picture, [m]; those of known products are left out.
            vectors: of the encoder, float32 [m, d].
        """
        known = set(self.ids)
        rows = [row for row, product in enumerate(products) if product not in known]
        if not rows:
            return self
        added, labels = np.unique(
            np.array([products[row] for row in rows], dtype=np.str_), return_inverse=True
        )
        placed = self.space.of_rows(vectors[rows])
        means = sums_by_label(placed, labels, len(added)) / np.bincount(labels)[:, None]
        keys = unit_rows(means + self.pictures.shift)
        offset = (keys @ self.pictures.photo).astype(np.float32)
        scale = evened(np.full(len(added), self.pictures.cosine), offset)
        ids = (*self.ids, *map(str, added))
        order = sorted(range(len(ids)), key=lambda row: ids[row])
        return replace(
            self,
            ids=tuple(ids[row] for row in order),
            keys=np.concatenate([self.keys, keys])[order],
            offset=np.concatenate([self.offset, offset])[order],
            scale=np.concatenate([self.scale, scale])[order],
            photos=np.concatenate([self.photos, np.zeros(len(added), dtype=np.int64)])[order],
        )

    def nearest(
        self, views: Matrix, k: int, *, among: Collection[str] | None = None
    ) -> list[list[tuple[str, float]]]:
        """Per photo the `k` best products and their scores, best first, ties by id.

        Args:
            views: the encoder's vectors of `v` views of `q` photos, float32 [v, q, d].
            k: how many products at most.
            among: the only products to name; None: all.
        """
        queries = self.space.of_views(views)
        allowed = np.array([among is None or key in among for key in self.ids], dtype=bool)
        rows = np.flatnonzero(allowed)
        scores = (queries @ self.keys[rows].T - self.offset[rows]) / self.scale[rows]
        rounded = np.round(scores.astype(np.float64), SCORE_DECIMALS - 1)
        order = np.argsort(-rounded, axis=1, kind="stable")[:, :k]
        return [
            [(self.ids[rows[place]], float(line[place])) for place in places]
            for line, places in zip(rounded, order, strict=True)
        ]

    def to_bytes(self) -> bytes:
        """The memory as an .npz file without pickle; equal memories give equal bytes."""
        out = BytesIO()
        np.savez(
            out,
            allow_pickle=False,
            mean=self.space.mean,
            whitening=self.space.whitening,
            ids=np.array(self.ids, dtype=np.str_),
            keys=self.keys,
            offset=self.offset,
            scale=self.scale,
            photos=self.photos,
            shift=self.pictures.shift,
            photo=self.pictures.photo,
            cosine=self.pictures.cosine,
        )
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "PhotoMemory":
        """What `to_bytes` wrote.

        Raises:
            ValueError, KeyError, OSError: where it is not that.
        """
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            return cls(
                space=PhotoSpace(arrays["mean"], arrays["whitening"]),
                ids=tuple(map(str, arrays["ids"])),
                keys=arrays["keys"],
                offset=arrays["offset"],
                scale=arrays["scale"],
                photos=arrays["photos"],
                pictures=PictureKeys(arrays["shift"], arrays["photo"], arrays["cosine"]),
            )

    def save(self, file: Path) -> str:
        """Write the memory; returns the sha256 of the file."""
        content = self.to_bytes()
        file.write_bytes(content)
        return sha256_bytes(content)
