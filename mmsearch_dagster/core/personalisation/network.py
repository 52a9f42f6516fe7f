"""The personal ranker: a Hadamard network of person and product beside a few features.

score = w·x + outer(gelu(inner([x, U (V_user p ⊙ W_item q)]))): the low-rank bilinear product of Kim et al.,
Hadamard Product for Low-rank Bilinear Pooling, ICLR 2017, with p the person's vector and q the product's;
w·x is the wide part of Cheng et al., Wide & Deep Learning for Recommender Systems, 2016.
"""

import hashlib
from contextlib import nullcontext
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.random_state import seeded

WEIGHTS_FILE = "ranker.safetensors"
SPEC_FILE = "ranker.json"


class RankerSpec(BaseModel):
    """Everything that rebuilds a ranker. width: of the vectors; rank: of the Hadamard product.

    blocks: modality -> its columns in the vectors. devices: names with a figure of their own.
    features, mean, spread: names and scaling of the figures. propensities: of the positions, from the log.
    """

    model_config = ConfigDict(frozen=True)

    width: int
    rank: int = 16
    hidden: int = 16
    drop: float = 0.2
    seed: int = 7
    blocks: dict[str, tuple[int, int]] = {}
    devices: tuple[str, ...] = ()
    features: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    propensities: tuple[float, ...] = (1.0,)


class Ranker(nn.Module):
    """Scores pairs. Legend: n pairs, d width, f figures, r rank, h hidden.

    Args:
        spec: widths, features and seed; the first weights follow from it.
        in_training: draw the first weights from the random state of the moment, which a training has seeded
            and goes on with. Otherwise that state is left as it was.
    """

    def __init__(self, spec: RankerSpec, *, in_training: bool = False) -> None:
        super().__init__()
        self.spec = spec
        features = len(spec.features)
        with nullcontext() if in_training else seeded(spec.seed):
            self.person = nn.Linear(spec.width, spec.rank, bias=False)
            self.product = nn.Linear(spec.width, spec.rank, bias=False)
            self.together = nn.Linear(spec.rank, spec.hidden, bias=False)
            self.wide = nn.Linear(features, 1)
            self.inner = nn.Linear(features + spec.hidden, spec.hidden)
            self.outer = nn.Linear(spec.hidden, 1, bias=False)
        self.drop = nn.Dropout(spec.drop)
        nn.init.zeros_(self.wide.weight)
        nn.init.zeros_(self.outer.weight)

    def pooled(self, people: Tensor, items: Tensor) -> Tensor:
        """Interaction of person and product: U (V_user p ⊙ W_item q).

        Args:
            people: [n, d].
            items: [n, d].

        Returns:
            [n, h]; zero where either is zero.
        """
        scale = self.spec.width**0.5
        p = nn.functional.normalize(people, dim=-1) * scale
        q = nn.functional.normalize(items, dim=-1) * scale
        return self.together(self.person(p) * self.product(q))

    def forward(self, people: Tensor, items: Tensor, features: Tensor) -> Tensor:
        """Scores of pairs of person and product.

        Args:
            people: [n, d].
            items: [n, d].
            features: [n, f], scaled.

        Returns:
            [n].
        """
        x = torch.cat([features, self.drop(self.pooled(people, items))], dim=-1)  # [n, f + h]
        deep = self.outer(self.drop(nn.functional.gelu(self.inner(x))))
        return (self.wide(features) + deep).squeeze(-1)

    def scores(self, people: Matrix, items: Matrix, features: Matrix) -> Matrix:
        """`forward` on arrays, in evaluation mode.

        Args:
            people: float32 [n, d].
            items: float32 [n, d].
            features: float32 [n, f], scaled.

        Returns:
            float32 [n].
        """
        self.eval()
        with torch.inference_mode():
            return self(torch.from_numpy(people), torch.from_numpy(items), torch.from_numpy(features)).numpy()


def save_ranker(ranker: Ranker, folder: Path) -> str:
    """Write weights (safetensors) and spec (JSON) into `folder`; returns the weights' sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in ranker.state_dict().items()}
    save_file(tensors, folder / WEIGHTS_FILE)
    (folder / SPEC_FILE).write_text(ranker.spec.model_dump_json(indent=2), encoding="utf-8")
    return ranker_sha256(folder)


def ranker_sha256(folder: Path) -> str:
    """Hex sha256 over weights and spec, both of which decide a score."""
    hasher = hashlib.sha256((folder / SPEC_FILE).read_bytes())
    hasher.update((folder / WEIGHTS_FILE).read_bytes())
    return hasher.hexdigest()


def load_ranker(folder: Path) -> Ranker:
    """What `save_ranker` wrote. Raises ReleaseMismatchError for files that are missing or do not fit."""
    try:
        ranker = Ranker(RankerSpec.model_validate_json((folder / SPEC_FILE).read_bytes()))
        ranker.load_state_dict(load_file(folder / WEIGHTS_FILE))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ReleaseMismatchError(f"the ranker in {folder} cannot be loaded: {error}") from error
    return ranker.eval()
