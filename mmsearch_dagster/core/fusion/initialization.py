"""Where training starts: one space that already makes sense before the first step.

The space has two blocks. The anchor (text, where there is text) keeps its own coordinates in the first,
so the untrained model ranks words exactly as the encoder does. Every other modality keeps its own
geometry in the second, by the principal directions of the catalogue, and reaches into the first by a
ridge regression onto the anchor over the catalogue's own pairs: a photo finds its like by looks, and words
find pictures. Videos that the picture encoder has read share the pictures' map: a photo finds them too.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from mmsearch_dagster.core.fusion.model import Branch, Tower, TwoTower
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch, mean_frames

_RIDGE = 3.0
_REACH = 0.7
_FEWEST_PAIRS = 32
# By so much more a product's video must resemble its own picture than another product's.
_SAME_SPACE = 0.1


def initialise(model: TwoTower, items: ModalityBatch) -> None:
    """Set centres, scales and linear maps of both towers from the catalogue.

    A modality of several vectors per row (`spec.frames`) starts from their mean.
    """
    items = _single_vectors(items, model.spec.frames)
    anchor = TEXT if TEXT in items.vectors and items.present[TEXT].any() else _commonest(items)
    alike = {name for name in model.spec.frames if name in items.vectors and _same_space(name, items)}
    maps = {
        name: _linear_map(name, anchor, items, model.spec.width)
        for name in items.vectors
        if name not in alike
    }
    maps |= dict.fromkeys(alike, maps[IMAGE]) if alike else {}
    for tower in (model.item_tower, model.query_tower):
        for name in tower.modalities:
            if name in maps:
                _set_branch(tower, name, items, maps[name])


def _commonest(items: ModalityBatch) -> str:
    return max(sorted(items.present), key=lambda name: int(items.present[name].sum()))


def _single_vectors(items: ModalityBatch, frames: Mapping[str, int]) -> ModalityBatch:
    pooled = {
        name: mean_frames(matrix, frames[name]) if name in frames else matrix
        for name, matrix in items.vectors.items()
    }
    return replace(items, vectors=pooled)


def _same_space(name: str, items: ModalityBatch) -> bool:
    """Whether one encoder made both these vectors and the pictures', by the products that have both."""
    if IMAGE not in items.vectors or items.vectors[IMAGE].shape[1] != items.vectors[name].shape[1]:
        return False
    both = items.present[name] & items.present[IMAGE]
    if both.sum() < 2:
        return False
    vectors, image = _standardised(name, items, both), _standardised(IMAGE, items, both)
    return float((vectors * (image - np.roll(image, 1, axis=0))).sum(axis=1).mean()) > _SAME_SPACE


def _statistics(name: str, items: ModalityBatch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    seen = items.vectors[name][items.present[name]]
    width = items.vectors[name].shape[1]
    if name == TEXT or len(seen) < 8:
        return np.zeros(width, np.float32), np.ones(width, np.float32)
    deviation = seen.std(axis=0)
    return seen.mean(axis=0), np.maximum(deviation, deviation.mean() * 0.1 + 1e-6)


def _standardised(name: str, items: ModalityBatch, rows: NDArray[np.bool_]) -> NDArray[np.float32]:
    center, scale = _statistics(name, items)
    x = (items.vectors[name][rows] - center) / scale
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


def _linear_map(name: str, anchor: str, items: ModalityBatch, width: int) -> NDArray[np.float32]:
    """[width, input width] of one modality; the anchor fills the first rows, the others all of them."""
    block = min(items.vectors[anchor].shape[1], width)
    if name == anchor:
        return _padded(_main_directions(name, items, block, keep=True), width, first=0)
    directions = _main_directions(name, items, width - block, keep=False)
    linear = _padded(directions, width, first=block)
    both = items.present[name] & items.present[anchor]
    if both.sum() >= _FEWEST_PAIRS:
        linear[:block] = _towards_anchor(name, anchor, items, both, block=block)
    elif block == width:
        linear = _padded(_main_directions(name, items, width, keep=False), width, first=0)
    return linear


def _padded(rows: NDArray[np.float32], width: int, *, first: int) -> NDArray[np.float32]:
    padded = np.zeros((width, rows.shape[1]), dtype=np.float32)
    padded[first : first + len(rows)] = rows
    return padded


def _main_directions(name: str, items: ModalityBatch, count: int, *, keep: bool) -> NDArray[np.float32]:
    """[min(count, input width), input width], orthonormal rows: the catalogue's principal directions.

    keep: the identity instead, where all of the input fits.
    """
    inputs = items.vectors[name].shape[1]
    if keep and inputs <= count:
        return np.eye(inputs, dtype=np.float32)
    if count == 0:  # the anchor fills the space
        return np.zeros((0, inputs), dtype=np.float32)
    x = _standardised(name, items, items.present[name])
    vectors = np.linalg.eigh(x.T @ x)[1]  # columns, smallest first
    return np.ascontiguousarray(vectors[:, ::-1][:, :count].T).astype(np.float32)


def _towards_anchor(
    name: str, anchor: str, items: ModalityBatch, both: NDArray[np.bool_], *, block: int
) -> NDArray[np.float32]:
    """[block, input width]: ridge regression onto the anchor, as long as _REACH of the own block."""
    x = _standardised(name, items, both)
    kept = _main_directions(anchor, items, block, keep=True)
    target = _standardised(anchor, items, both) @ kept.T
    gram = x.T @ x + _RIDGE * np.eye(x.shape[1], dtype=np.float32)
    ridge = np.linalg.solve(gram, x.T @ (target - target.mean(axis=0))).T
    length = float(np.linalg.norm(x @ ridge.T)) / max(float(np.linalg.norm(x)), 1e-9)
    return (ridge * _REACH / max(length, 1e-9)).astype(np.float32)


def _set_branch(tower: Tower, name: str, items: ModalityBatch, linear: NDArray[np.float32]) -> None:
    branch = tower.branches[name]
    assert isinstance(branch, Branch)
    center, scale = _statistics(name, items)
    with torch.no_grad():
        branch.center.copy_(torch.from_numpy(center))
        branch.scale.copy_(torch.from_numpy(scale.astype(np.float32)))
        branch.linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(linear)))
