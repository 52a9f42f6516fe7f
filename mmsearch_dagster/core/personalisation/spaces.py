"""The vector space in which the personal ranker compares people with products: all modalities side by side.

Not the fused vectors: those are trained on clicks of the whole log, also of the period that the ranker is
measured on, and what is measured must not have been seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, Matrix, ModalityBatch

_BLOCK = 32
# A video is many vectors side by side, and factors are a feature of their own.
_COMPARED = (AUDIO, IMAGE, TEXT)


@dataclass(frozen=True)
class Space:
    """vectors: float32 [i, d], in the order of the items. blocks: modality -> (start, stop) of its columns;
    a row's block is a unit vector, or zeros where the product lacks the modality."""

    vectors: Matrix
    blocks: Mapping[str, tuple[int, int]]


def space_of(items: ModalityBatch, width: int = _BLOCK) -> Space:
    """Each modality centred, reduced to its `width` main directions (principal components; the sign of each
    is fixed: its largest entry is positive), scaled to unit length."""
    parts: list[Matrix] = []
    blocks: dict[str, tuple[int, int]] = {}
    start = 0
    for name in (modality for modality in _COMPARED if modality in items.vectors):
        seen = np.flatnonzero(items.present[name])
        if len(seen) < 2:
            continue
        part = np.zeros((len(items), min(width, items.vectors[name].shape[1], len(seen))), dtype=np.float32)
        part[seen] = _reduced(items.vectors[name][seen], part.shape[1])
        parts.append(part)
        blocks[name] = (start, start + part.shape[1])
        start += part.shape[1]
    vectors = np.concatenate(parts, axis=1) if parts else np.zeros((len(items), 1), dtype=np.float32)
    return Space(vectors, blocks)


def _reduced(vectors: Matrix, width: int) -> Matrix:
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    # Eigenvectors of the covariance: cheap when there are many more products than dimensions.
    _, directions = np.linalg.eigh(centred.T @ centred)
    main = directions[:, ::-1][:, :width]
    largest = np.abs(main).argmax(axis=0)
    main = main * np.where(main[largest, np.arange(main.shape[1])] < 0, -1.0, 1.0)
    reduced = centred @ main
    norm = np.linalg.norm(reduced, axis=1, keepdims=True)
    return np.divide(reduced, norm, out=np.zeros_like(reduced), where=norm > 0).astype(np.float32)
