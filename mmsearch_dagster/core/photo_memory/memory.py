"""The photo memory of a release: one key per product, made of its judged photos and its own pictures."""

from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.photo_memory.space import PhotoSpace
from mmsearch_dagster.core.retrieval.nearest import SCORE_DECIMALS

MEMORY_FILE = "photo_memory.npz"


@dataclass(frozen=True)
class PhotoMemory:
    """What a photo is compared with.

    space: where. ids: `p` products, ascending. keys: unit vectors of the space, float32 [p, d].
    offset: the mean cosine of each key with photos of other products, float32 [p]. scale: what a cosine
    beyond that is divided by, float32 [p]: a key of many photos is nearer to every photo than a single
    picture is, and would hide the products that have nothing else. photos: judged photos per product, [p].
    """

    space: PhotoSpace
    ids: tuple[str, ...]
    keys: Matrix
    offset: Matrix
    scale: Matrix
    photos: NDArray[np.int64]

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
            )

    def save(self, file: Path) -> str:
        """Write the memory; returns the sha256 of the file."""
        content = self.to_bytes()
        file.write_bytes(content)
        return sha256_bytes(content)
