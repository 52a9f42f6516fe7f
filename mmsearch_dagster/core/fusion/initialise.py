"""Where training starts: one space that already makes sense before the first step.

The text encoder's space is the anchor when there is text: its branch starts as the identity, so the
untrained model ranks words exactly as the encoder does. Other modalities start from a ridge regression
onto the anchor over the catalogue's own pairs, blended with a random rotation that keeps their geometry.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from mmsearch_dagster.core.fusion.model import Branch, Tower, TwoTower
from mmsearch_dagster.core.modalities import TEXT, ModalityBatch

_RIDGE = 3.0


def initialise(model: TwoTower, items: ModalityBatch) -> None:
    """Set centres, scales and linear maps of both towers from the catalogue."""
    anchor = TEXT if TEXT in items.vectors and items.present[TEXT].any() else _commonest(items)
    maps = {name: _linear_map(name, anchor, items, model.spec.width) for name in items.vectors}
    for tower in (model.item_tower, model.query_tower):
        for name in tower.modalities:
            if name in maps:
                _set_branch(tower, name, items, maps[name])


def _commonest(items: ModalityBatch) -> str:
    return max(sorted(items.present), key=lambda name: int(items.present[name].sum()))


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
    """[width, input width]: orthonormal rows or columns, towards the anchor where pairs are known."""
    inputs = items.vectors[name].shape[1]
    rotation = _rotation(inputs, width, identity=name == anchor)
    both = items.present[name] & items.present[anchor]
    if name == anchor or both.sum() < 32:
        return rotation
    x = _standardised(name, items, both)
    target = (
        _standardised(anchor, items, both) @ _rotation(items.vectors[anchor].shape[1], width, identity=True).T
    )
    gram = x.T @ x + _RIDGE * np.eye(inputs, dtype=np.float32)
    ridge = np.linalg.solve(gram, x.T @ (target - target.mean(axis=0))).T
    size = np.linalg.norm(rotation) / max(float(np.linalg.norm(ridge)), 1e-9)
    return (ridge * size + rotation).astype(np.float32)


def _rotation(inputs: int, width: int, *, identity: bool) -> NDArray[np.float32]:
    if identity and inputs == width:
        return np.eye(width, dtype=np.float32)
    drawn = np.random.default_rng(inputs * 7919 + width).standard_normal(
        (max(inputs, width), min(inputs, width))
    )
    q = np.linalg.qr(drawn)[0].astype(np.float32)  # [larger, smaller], orthonormal columns
    return q if width >= inputs else q.T


def _set_branch(tower: Tower, name: str, items: ModalityBatch, linear: NDArray[np.float32]) -> None:
    branch = tower.branches[name]
    assert isinstance(branch, Branch)
    center, scale = _statistics(name, items)
    with torch.no_grad():
        branch.center.copy_(torch.from_numpy(center))
        branch.scale.copy_(torch.from_numpy(scale.astype(np.float32)))
        branch.linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(linear)))
