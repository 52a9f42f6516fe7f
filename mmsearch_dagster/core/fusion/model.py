"""The two-tower model: modalities in, one unit vector out, on the item's and on the query's side."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mmsearch_dagster.core.errors import damaged_release
from mmsearch_dagster.core.fusion.config import FusionSpec
from mmsearch_dagster.core.fusion.frame_pooling import FramePool
from mmsearch_dagster.core.fusion.strategies import make_strategy
from mmsearch_dagster.core.fusion.towers import SPEC_FILE, WEIGHTS_FILE, weights_sha256
from mmsearch_dagster.core.modalities import Matrix, ModalityBatch
from mmsearch_dagster.core.random_state import seeded

_CHUNK = 4096


class Branch(nn.Module):
    """One modality into the common space: a linear map plus a correction that starts at zero.

    `center` and `scale` are the catalogue's own statistics, so encoders of any range are welcome.
    """

    def __init__(self, input_width: int, width: int, hidden: int, input_drop: float = 0.0) -> None:
        super().__init__()
        self.center: Tensor
        self.scale: Tensor
        self.register_buffer("center", torch.zeros(input_width))
        self.register_buffer("scale", torch.ones(input_width))
        self.linear = nn.Linear(input_width, width, bias=False)
        self.inner = nn.Linear(input_width, hidden)
        self.outer = nn.Linear(hidden, width)
        self.hide = nn.Dropout(input_drop)
        self.drop = nn.Dropout(0.1)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    @property
    def row_width(self) -> int:
        """How long one row of this modality is."""
        return self.center.shape[0]

    def standardise(self, x: Tensor) -> Tensor:
        """Centred and scaled inputs at unit length.

        Args:
            x: [b, input width].

        Returns:
            [b, input width], unit rows.
        """
        return nn.functional.normalize((x - self.center) / self.scale, dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps one modality into the common space.

        Args:
            x: [b, input width].

        Returns:
            [b, d], unit rows.
        """
        unit = self.hide(self.standardise(x))
        correction = self.outer(self.drop(nn.functional.gelu(self.inner(unit))))
        return nn.functional.normalize(self.linear(unit) + correction, dim=-1)


class PooledBranch(Branch):
    """A modality of several vectors per row, pooled into one before the branch proper."""

    def __init__(
        self, input_width: int, width: int, hidden: int, input_drop: float = 0.0, *, frames: int
    ) -> None:
        super().__init__(input_width // frames, width, hidden, input_drop)
        self.pool = FramePool(frames, input_width // frames)

    @property
    def row_width(self) -> int:
        return self.pool.frames * self.center.shape[0]

    def forward(self, x: Tensor) -> Tensor:
        """x: [b, frames * d of the encoder] -> [b, d], unit rows."""
        return super().forward(self.pool(x, self.center, self.scale))


class Tower(nn.Module):
    """All modalities of one side, fused. Legend: b batch, m modalities, d width."""

    def __init__(self, widths: Mapping[str, int], spec: FusionSpec) -> None:
        super().__init__()
        self.modalities = tuple(sorted(widths))
        self.branches = nn.ModuleDict({name: _branch(name, widths[name], spec) for name in self.modalities})
        self.fuse = make_strategy(
            spec.strategy, modalities=len(self.modalities), width=spec.width, hidden=spec.hidden
        )

    def forward(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Tensor:
        """Fuses the modalities of each row.

        Args:
            vectors: modality -> [b, its width].
            present: modality -> bool [b].

        Returns:
            [b, d], unit rows.
        """
        mask = torch.stack([present[name] for name in self.modalities], dim=1)  # [b, m]
        h = self.branched(vectors, present)
        # A learned bias would make a vector out of nothing.
        fused = self.fuse(h, mask).masked_fill(~mask.any(dim=1, keepdim=True), 0.0)
        return nn.functional.normalize(fused, dim=-1)

    def branched(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Tensor:
        """Each modality in the common space.

        Args:
            vectors: modality -> [b, its width].
            present: modality -> bool [b].

        Returns:
            [b, m, d], zeros where a modality is missing.
        """
        each = [self._where_present(name, vectors[name], present[name]) for name in self.modalities]
        return torch.stack(each, dim=1)

    def _where_present(self, name: str, x: Tensor, present: Tensor) -> Tensor:
        """[b, d]: the branch of the rows that have the modality, zeros for the others whatever they hold.

        Most products have no video: what is missing costs nothing either.
        """
        rows = present.nonzero().squeeze(1)
        seen = self.branches[name](x[rows])
        return seen.new_zeros(len(x), seen.shape[1]).index_copy(0, rows, seen)


def _branch(name: str, input_width: int, spec: FusionSpec) -> Branch:
    frames, drop = spec.frames.get(name, 1), spec.input_drop.get(name, 0.0)
    if frames == 1:
        return Branch(input_width, spec.width, spec.hidden, drop)
    return PooledBranch(input_width, spec.width, spec.hidden, drop, frames=frames)


class TwoTower(nn.Module):
    """An item tower and a query tower into one space.

    Args:
        spec: widths, strategy and seed; the first weights follow from it.
        in_training: draw the first weights from the random state of the moment, which a training has seeded
            and goes on with. Otherwise that state is left as it was.
    """

    def __init__(self, spec: FusionSpec, *, in_training: bool = False) -> None:
        super().__init__()
        self.spec = spec
        with nullcontext() if in_training else seeded(spec.seed):
            self.item_tower = Tower(spec.item_widths, spec)
            self.query_tower = Tower(spec.query_widths, spec)

    def items(self, batch: ModalityBatch) -> Matrix:
        """Encodes items.

        Args:
            batch: `n` rows of item vectors per modality.

        Returns:
            float32 [n, d], unit rows (zero rows where every modality is missing).
        """
        return self._run(self.item_tower, batch)

    def queries(self, batch: ModalityBatch) -> Matrix:
        """Encodes queries.

        Args:
            batch: `n` rows of query vectors per modality.

        Returns:
            float32 [n, d], unit rows (zero rows where every modality is missing).
        """
        return self._run(self.query_tower, batch)

    def _run(self, tower: Tower, batch: ModalityBatch) -> Matrix:
        self.eval()
        out = np.zeros((len(batch), self.spec.width), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(batch), _CHUNK):
                part = batch.take(range(start, min(start + _CHUNK, len(batch))))
                vectors, present = as_tensors(part, tower)
                out[start : start + _CHUNK] = tower(vectors, present).numpy()
        return out


def as_tensors(batch: ModalityBatch, tower: Tower) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tower's modalities as tensors; a modality that the batch lacks is masked.

    Args:
        batch: `b` rows.
        tower: names the modalities and their widths.

    Returns:
        Modality -> [b, width], and modality -> bool [b].
    """
    vectors: dict[str, Tensor] = {}
    present: dict[str, Tensor] = {}
    for name in tower.modalities:
        branch = tower.branches[name]
        assert isinstance(branch, Branch)
        if name in batch.vectors:
            vectors[name] = torch.from_numpy(batch.vectors[name])
            present[name] = torch.from_numpy(batch.present[name])
        else:
            vectors[name] = torch.zeros(len(batch), branch.row_width)
            present[name] = torch.zeros(len(batch), dtype=torch.bool)
    return vectors, present


def save_model(model: TwoTower, folder: Path) -> str:
    """Write weights (safetensors) and spec (JSON) into `folder`; returns the weights' sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / WEIGHTS_FILE)
    (folder / SPEC_FILE).write_text(model.spec.model_dump_json(indent=2), encoding="utf-8")
    return weights_sha256(folder)


def load_model(folder: Path) -> TwoTower:
    """The model that `save_model` wrote.

    Raises ReleaseMismatchError when files are missing or do not fit each other.
    """
    try:
        spec = FusionSpec.model_validate_json((folder / SPEC_FILE).read_bytes())
        model = TwoTower(spec)
        model.load_state_dict(load_file(folder / WEIGHTS_FILE))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise damaged_release(f"the model in {folder} cannot be loaded: {error}") from error
    return model.eval()
