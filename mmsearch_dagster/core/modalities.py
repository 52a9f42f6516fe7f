"""A batch by modality: one matrix and one mask each, row for row, as the towers read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modality_names import (
    AUDIO,
    COLLABORATIVE,
    IMAGE,
    MODALITIES,
    QUERY_MODALITIES,
    TEXT,
    VIDEO,
)

__all__ = [
    "AUDIO",
    "COLLABORATIVE",
    "IMAGE",
    "MODALITIES",
    "QUERY_MODALITIES",
    "TEXT",
    "VIDEO",
    "Mask",
    "Matrix",
    "ModalityBatch",
    "assemble",
    "mean_frames",
    "stacked",
]

Matrix = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ModalityBatch:
    """Vectors of `n` items or queries, missing modalities masked.

    ids: `n` product or query ids. Where every picture is a row of its own, a product with several has that
        many rows, one after the other; what else is known of it is repeated.
    vectors: modality -> float32 [n, width of that modality]; rows where `present` is False hold
        zeros and must never be read as data. A video's row is its frames' vectors one after the other.
    present: modality -> bool [n].
    """

    ids: tuple[str, ...]
    vectors: Mapping[str, Matrix]
    present: Mapping[str, Mask]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def widths(self) -> dict[str, int]:
        """Vector width of each modality."""
        return {name: matrix.shape[1] for name, matrix in self.vectors.items()}

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each id; equal ids follow each other.

        Returns:
            int64 [number of different ids].
        """
        first = [n for n, key in enumerate(self.ids) if n == 0 or key != self.ids[n - 1]]
        return np.array(first, dtype=np.int64)

    def merged(self) -> "ModalityBatch":
        """One row per id: the mean of its vectors."""
        starts = self.starts
        if len(starts) == len(self):
            return self
        counts = np.diff(np.append(starts, len(self)))[:, None]
        means = {name: np.add.reduceat(matrix, starts) / counts for name, matrix in self.vectors.items()}
        return ModalityBatch(
            ids=tuple(self.ids[row] for row in starts),
            vectors={name: matrix.astype(np.float32) for name, matrix in means.items()},
            present={name: mask[starts] for name, mask in self.present.items()},
        )

    def take(self, rows: Sequence[int] | NDArray[np.integer]) -> "ModalityBatch":
        """A batch of some rows.

        Args:
            rows: row numbers, [k].

        Returns:
            The rows in the given order.
        """
        index = np.asarray(rows, dtype=np.int64)
        return ModalityBatch(
            ids=tuple(self.ids[i] for i in index),
            vectors={name: matrix[index] for name, matrix in self.vectors.items()},
            present={name: mask[index] for name, mask in self.present.items()},
        )

    def only(self, *modalities: str) -> "ModalityBatch":
        """The same rows with every other modality masked out."""
        return ModalityBatch(
            ids=self.ids,
            vectors=self.vectors,
            present={
                name: mask if name in modalities else np.zeros_like(mask)
                for name, mask in self.present.items()
            },
        )


def stacked(batches: Sequence[ModalityBatch]) -> ModalityBatch:
    """The rows of all batches, one batch after the other; at least one, all of the same modalities."""
    first = batches[0]
    return ModalityBatch(
        ids=tuple(key for batch in batches for key in batch.ids),
        vectors={name: np.concatenate([batch.vectors[name] for batch in batches]) for name in first.vectors},
        present={name: np.concatenate([batch.present[name] for batch in batches]) for name in first.present},
    )


def mean_frames(matrix: Matrix, frames: int) -> Matrix:
    """The mean of the frames of each row; a frame of zeros is no frame.

    Args:
        matrix: float32 [n, frames * d].
        frames: frames per row.

    Returns:
        float32 [n, d].
    """
    each = matrix.reshape(len(matrix), frames, -1)
    seen = each.any(axis=2).sum(axis=1)
    return each.sum(axis=1) / np.maximum(seen, 1).astype(np.float32)[:, None]


def assemble(
    ids: Sequence[str], columns: Mapping[str, Mapping[str, Matrix]], widths: Mapping[str, int]
) -> ModalityBatch:
    """Arranges vectors that were looked up per modality as one batch; what is absent is masked.

    Args:
        ids: the `n` ids of the rows.
        columns: modality -> id -> vector [width].
        widths: modality -> width.

    Returns:
        A batch of `n` rows.
    """
    vectors: dict[str, Matrix] = {}
    present: dict[str, Mask] = {}
    for name, lookup in columns.items():
        matrix = np.zeros((len(ids), widths[name]), dtype=np.float32)
        mask = np.zeros(len(ids), dtype=bool)
        for row, key in enumerate(ids):
            vector = lookup.get(key)
            if vector is not None:
                matrix[row] = vector
                mask[row] = True
        vectors[name], present[name] = matrix, mask
    return ModalityBatch(ids=tuple(ids), vectors=vectors, present=present)
