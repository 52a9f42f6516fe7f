"""A trained two-tower model evaluated with numpy alone: what serving needs, without importing torch.

The same arithmetic as `core.fusion.model`, layer by layer, on the same weights; a test holds both equal.
Legend: b batch, m modalities, d width.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.errors import damaged_release
from mmsearch_dagster.core.fusion.config import FusionSpec
from mmsearch_dagster.core.modalities import Matrix, ModalityBatch

WEIGHTS_FILE = "weights.safetensors"
SPEC_FILE = "model.json"
_CHUNK = 4096
_TINY = 1e-12

Array = NDArray[np.float32]
Weights = Mapping[str, Array]
_Fuse = Callable[[Weights, Array, NDArray[np.bool_]], Array]


_ITEM_TOWER, _QUERY_TOWER = "item_tower", "query_tower"


@dataclass(frozen=True)
class _TowerWeights:
    """The weights of one tower. branches: by modality. fuse: of the fusion strategy."""

    branches: Mapping[str, Weights]
    fuse: Weights

    @classmethod
    def of(cls, weights: Weights) -> "_TowerWeights":
        """By the names that `core.fusion.model` gives them."""
        branches = _part(weights, "branches")
        names = {key.partition(".")[0] for key in branches}
        return cls({name: _part(branches, name) for name in names}, _part(weights, "fuse"))


class Towers:
    """The item and the query tower of one model."""

    def __init__(self, spec: FusionSpec, weights: Weights) -> None:
        self.spec = spec
        self._towers = {name: _TowerWeights.of(_part(weights, name)) for name in (_ITEM_TOWER, _QUERY_TOWER)}

    def items(self, batch: ModalityBatch) -> Matrix:
        """Encodes items.

        Args:
            batch: `n` rows of item vectors per modality.

        Returns:
            float32 [n, d], unit rows (zero rows where every modality is missing).
        """
        return self._run(_ITEM_TOWER, self.spec.item_widths, batch)

    def queries(self, batch: ModalityBatch) -> Matrix:
        """Encodes queries.

        Args:
            batch: `n` rows of query vectors per modality.

        Returns:
            float32 [n, d], unit rows (zero rows where every modality is missing).
        """
        return self._run(_QUERY_TOWER, self.spec.query_widths, batch)

    def _run(self, tower: str, widths: Mapping[str, int], batch: ModalityBatch) -> Matrix:
        weights = self._towers[tower]
        out = np.zeros((len(batch), self.spec.width), dtype=np.float32)
        for start in range(0, len(batch), _CHUNK):
            part = batch.take(range(start, min(start + _CHUNK, len(batch))))
            out[start : start + _CHUNK] = self._tower(weights, sorted(widths), part)
        return out

    def _tower(self, weights: _TowerWeights, modalities: list[str], batch: ModalityBatch) -> Array:
        """[b, d], unit rows."""
        absent = np.zeros(len(batch), dtype=bool)
        mask = np.stack([batch.present.get(name, absent) for name in modalities], axis=1)  # [b, m]
        h = np.zeros((len(batch), len(modalities), self.spec.width), dtype=np.float32)
        for number, name in enumerate(modalities):
            rows = np.flatnonzero(mask[:, number])
            if len(rows):
                branch = weights.branches[name]
                h[rows, number] = _branch(branch, batch.vectors[name][rows], self.spec.frames.get(name, 1))
        fused = _FUSE[self.spec.strategy](weights.fuse, h, mask)
        fused[~mask.any(axis=1)] = 0.0
        return _normalised(fused)


def load_towers(folder: Path) -> Towers:
    """The model that `core.fusion.model.save_model` wrote into `folder`.

    Raises:
        ReleaseMismatchError: for damaged or missing files.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        spec = FusionSpec.model_validate_json((folder / SPEC_FILE).read_bytes())
        towers = Towers(spec, load_file(folder / WEIGHTS_FILE))
        for run, widths in ((towers.items, spec.item_widths), (towers.queries, spec.query_widths)):
            run(_anything(widths))
    except (OSError, ValueError, KeyError, IndexError, SafetensorError) as error:
        raise damaged_release(f"the model in {folder} cannot be loaded: {error}") from error
    return towers


def _anything(widths: Mapping[str, int]) -> ModalityBatch:
    """A row with every modality: weights that do not fit the spec fail on it."""
    ones = {name: np.ones((1, width), dtype=np.float32) for name, width in widths.items()}
    return ModalityBatch(("any",), ones, {name: np.ones(1, dtype=bool) for name in widths})


def is_evaluated_here(folder: Path) -> bool:
    """Whether `load_towers` knows a model's strategy; one that somebody added may have torch code only."""
    try:
        return json.loads((folder / SPEC_FILE).read_text(encoding="utf-8"))["strategy"] in _FUSE
    except (OSError, ValueError, KeyError):
        return True  # damaged: `load_towers` says how


def weights_sha256(folder: Path) -> str:
    """sha256 of the weights file in `folder`."""
    with (folder / WEIGHTS_FILE).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _part(weights: Weights, prefix: str) -> dict[str, Array]:
    """The weights below a name, by the rest of their names."""
    return {key[len(prefix) + 1 :]: value for key, value in weights.items() if key.startswith(f"{prefix}.")}


def _normalised(x: Array) -> Array:
    """Rows of length 1 along the last axis; rows of zeros stay."""
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), _TINY)


def _linear(weights: Weights, name: str, x: Array) -> Array:
    out = x @ weights[f"{name}.weight"].T
    return out + weights[f"{name}.bias"] if f"{name}.bias" in weights else out


_erf = np.vectorize(math.erf, otypes=[np.float32])


def _gelu(x: Array) -> Array:
    """x * P(X <= x) for a standard normal X; exact, as torch computes it by default."""
    return (0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))).astype(np.float32)


def _masked_softmax(logits: Array, present: NDArray[np.bool_]) -> Array:
    """Softmax over the present modalities; rows with none present are all zero. [b, m]."""
    blocked = np.where(present, logits, np.finfo(np.float32).min)
    power = np.exp(blocked - blocked.max(axis=1, keepdims=True))
    return (power / power.sum(axis=1, keepdims=True)) * present


def _branch(weights: Weights, x: Array, frames: int) -> Array:
    """x: [b, input width] -> [b, d], unit rows; of several frames a row, pooled first."""
    if frames > 1:
        x = _pooled(weights, x, frames)
    unit = _normalised((x - weights["center"]) / weights["scale"])
    correction = _linear(weights, "outer", _gelu(_linear(weights, "inner", unit)))
    return _normalised(_linear(weights, "linear", unit) + correction)


def _pooled(weights: Weights, x: Array, count: int) -> Array:
    """x: [b, f * d], frame after frame -> [b, d]; a frame of zeros is no frame."""
    frames = x.reshape(len(x), count, -1)
    seen = np.abs(frames).max(axis=-1) > 0  # [b, f]
    unit = _normalised((frames - weights["center"]) / weights["scale"])
    share = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    mean_frame = np.broadcast_to((unit * share[..., None]).sum(axis=1, keepdims=True), unit.shape)
    both = np.concatenate([unit, mean_frame], axis=-1).astype(np.float32)
    score = _linear(weights, "pool.score", _gelu(_linear(weights, "pool.key", both)))[..., 0]
    return (_masked_softmax(score, seen)[..., None] * frames).sum(axis=1).astype(np.float32)


def _weighted(weights: Weights, h: Array, present: NDArray[np.bool_]) -> Array:
    """One learned weight per modality: [b, m, d] -> [b, d]."""
    logits = np.broadcast_to(weights["logits"], present.shape)
    return (_masked_softmax(logits, present)[..., None] * h).sum(axis=1)


def _concat(weights: Weights, h: Array, present: NDArray[np.bool_]) -> Array:
    seen = (h * present[..., None]).reshape(len(h), -1)  # [b, m * d]
    both = np.concatenate([seen, present.astype(np.float32)], axis=1)
    mean = _weighted(_part(weights, "mean"), h, present)
    return mean + _linear(weights, "outer", _gelu(_linear(weights, "inner", both)))


def _attention(weights: Weights, h: Array, present: NDArray[np.bool_]) -> Array:
    mean = _part(weights, "mean")
    modality, context = np.split(weights["key.weight"], 2, axis=1)
    seen = _weighted(mean, h, present) @ context.T + weights["key.bias"]  # [b, hidden]
    hidden = _gelu((h @ modality.T + seen[:, None]).astype(np.float32))  # [b, m, hidden]
    score = np.diagonal(_linear(weights, "score", hidden), axis1=1, axis2=2)  # [b, m]
    return (_masked_softmax(mean["logits"] + score, present)[..., None] * h).sum(axis=1)


def _hadamard(weights: Weights, h: Array, present: NDArray[np.bool_]) -> Array:
    first, second = np.triu_indices(h.shape[1])
    pairs = h[:, first] * h[:, second] * np.float32(h.shape[-1] ** 0.5)  # [b, pairs, d]
    both = (present[:, first] & present[:, second])[..., None]
    product = (pairs * both).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    return _weighted(_part(weights, "mean"), h, present) + _linear(weights, "mix", product)


_FUSE: Mapping[str, _Fuse] = {
    "weighted": _weighted,
    "concat": _concat,
    "attention": _attention,
    "hadamard": _hadamard,
}
