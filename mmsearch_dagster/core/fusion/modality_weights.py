"""How much each modality counts before the first step: what the training queries ask for.

Without it every modality of a product starts with an equal share, and one that says little about what
people ask (a sound, what else its buyers bought) drowns one that says much.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mmsearch_dagster.core.fusion.config import TrainParams
from mmsearch_dagster.core.fusion.dataset import Examples
from mmsearch_dagster.core.fusion.model import Tower, TwoTower, as_tensors
from mmsearch_dagster.core.fusion.sampling import best_view, query_chances, sample_pool, sample_views
from mmsearch_dagster.core.fusion.strategies import Weighted, masked_softmax
from mmsearch_dagster.core.modalities import ModalityBatch

_QUERIES = 256
_ITEMS = 2000
_LOGITS = (-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0)
_SWEEPS = 2
# A smaller gain in nDCG@10 is chance.
_WORTH = 0.002


@dataclass(frozen=True)
class _Side:
    """One tower's modalities of some rows. h: [n, m, d]; present: [n, m]; logits: [m], changed in place."""

    h: Tensor
    present: Tensor
    logits: Tensor

    def vectors(self) -> Tensor:
        """[n, d], unit rows: what any untrained strategy makes of them."""
        weights = masked_softmax(self.logits.expand(len(self.h), -1), self.present)
        return nn.functional.normalize((weights.unsqueeze(-1) * self.h).sum(dim=1), dim=-1)


def fit_modality_weights(model: TwoTower, examples: Examples, params: TrainParams) -> None:
    """Set the first weights of both towers by coordinate search for nDCG@10 on training queries.

    Only for a model that was just initialised: its corrections must be zero. Deterministic by seed.
    """
    if not len(examples.train.queries):
        return
    rng = np.random.default_rng(params.seed)
    count = min(_QUERIES, len(examples.train.queries))
    chance = query_chances(examples.train)
    rows = np.sort(rng.choice(len(examples.train.queries), size=count, replace=False, p=chance))
    judged = examples.train.take(rows)
    pool = sample_pool(judged, params.model_copy(update={"pool": _ITEMS}), rng)
    gains = 2.0 ** torch.from_numpy(judged.grades[:, pool].toarray()) - 1.0
    model.eval()
    with torch.inference_mode():
        queries = _side(model.query_tower, judged.queries)
        views, starts = sample_views(examples.items.starts, len(examples.items), pool, rng)
        items = _side(model.item_tower, examples.items.take(views))
        _search(queries, items, lambda similarity: ndcg(best_view(similarity, starts), gains))
    for tower, side in ((model.query_tower, queries), (model.item_tower, items)):
        with torch.no_grad():
            _mean_of(tower).logits.copy_(side.logits.clone())


def _mean_of(tower: Tower) -> Weighted:
    """The weighted mean that every strategy starts from."""
    mean = tower.fuse if isinstance(tower.fuse, Weighted) else tower.fuse.mean
    assert isinstance(mean, Weighted)
    return mean


def _side(tower: Tower, batch: ModalityBatch) -> _Side:
    vectors, present = as_tensors(batch, tower)
    mask = torch.stack([present[name] for name in tower.modalities], dim=1)
    return _Side(tower.branched(vectors, present), mask, torch.zeros(len(tower.modalities)))


def _search(queries: _Side, items: _Side, value: Callable[[Tensor], float]) -> None:
    """value: of the similarity [q, rows of items]."""
    best = value(queries.vectors() @ items.vectors().T)
    for _ in range(_SWEEPS):
        before = best
        for side in (items, queries):
            # Modalities that never meet another one have nothing to be weighed against.
            meets = (side.present.sum(dim=1) > 1).unsqueeze(1) & side.present
            for column in torch.nonzero(meets.any(dim=0)).flatten().tolist():
                best = _try(side, column, (queries, items), value, best=best)
        if best == before:
            break


def _try(
    side: _Side,
    column: int,
    both: tuple[_Side, _Side],
    value_of: Callable[[Tensor], float],
    *,
    best: float,
) -> float:
    kept = float(side.logits[column])
    for logit in _LOGITS:
        side.logits[column] = logit
        value = value_of(both[0].vectors() @ both[1].vectors().T)
        if value > best + _WORTH:
            best, kept = value, logit
    side.logits[column] = kept
    return best


def ndcg(similarity: Tensor, gains: Tensor, k: int = 10) -> float:
    """Mean nDCG@k over the queries that have a gain.

    Args:
        similarity: [q, n].
        gains: [q, n].
        k: depth.

    Returns:
        0 to 1.
    """
    k = min(k, similarity.shape[1])
    discount = 1.0 / torch.log2(torch.arange(k) + 2.0)
    gained = gains.gather(1, similarity.topk(k, dim=1).indices) @ discount
    ideal = gains.topk(k, dim=1).values @ discount
    judged = ideal > 0
    return float((gained[judged] / ideal[judged]).mean()) if bool(judged.any()) else 0.0
