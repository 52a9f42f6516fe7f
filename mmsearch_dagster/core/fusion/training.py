"""The training loop: blocks of queries against a pool of items, early stopping on held-out queries."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmsearch_dagster.core.fusion.config import FusionSpec, Strategy, TrainParams
from mmsearch_dagster.core.fusion.dataset import Examples, Judged
from mmsearch_dagster.core.fusion.initialization import initialise
from mmsearch_dagster.core.fusion.losses import loss_of
from mmsearch_dagster.core.fusion.modality_weights import fit_modality_weights
from mmsearch_dagster.core.fusion.model import TwoTower, as_tensors
from mmsearch_dagster.core.fusion.sampling import (
    best_view,
    hide_some,
    query_chances,
    sample_pool,
    sample_views,
)
from mmsearch_dagster.core.modalities import QUERY_MODALITIES, Matrix, ModalityBatch
from mmsearch_dagster.core.random_state import exact_threads, seeded

# A held-out figure that falls by less is chance. The schedule is made to be best at its end, and held-out
# photos that the image encoder was tuned on are all found after a few steps: only a real fall keeps an
# earlier step.
_CHANCE = 0.01


@dataclass(frozen=True)
class Trained:
    """A trained model and how it got there; curves are (step, value)."""

    model: TwoTower
    loss_curve: tuple[tuple[int, float], ...]
    dev_curve: tuple[tuple[int, float], ...]
    best_step: int
    steps: int


def train(
    strategy: Strategy,
    examples: Examples,
    params: TrainParams,
    *,
    on_step: Callable[[int], None] = lambda step: None,
) -> Trained:
    """Train one strategy; the last weights whose held-out nDCG@10 was not behind the best are kept.

    Deterministic for the same examples and params. Without training queries the model stays untrained.
    """
    with exact_threads(params.threads), seeded(params.seed):
        model = TwoTower(_spec(strategy, examples, params), in_training=True)
        initialise(model, examples.items)
        fit_modality_weights(model, examples, params)
        loop = _Loop(model, examples, params)
        best = _Best(model, loop.dev_score())
        steps = params.steps if len(examples.train.queries) else 0
        for step in range(1, steps + 1):
            loop.step(step)
            on_step(step)
            due = step % params.evaluate_every == 0 or step == steps
            if due and best.update(model, step, loop.dev_score()) >= params.patience:
                break
        best.restore(model)
    return Trained(model.eval(), tuple(loop.losses), tuple(best.curve), best.step, len(loop.losses))


def _spec(strategy: Strategy, examples: Examples, params: TrainParams) -> FusionSpec:
    widths = examples.train.queries.widths
    return FusionSpec(
        strategy=strategy,
        item_widths=examples.items.widths,
        query_widths={name: width for name, width in widths.items() if name in QUERY_MODALITIES},
        width=params.width,
        hidden=params.hidden,
        input_drop=params.input_drop,
        frames=dict(examples.frames),
        seed=params.seed,
    )


class _Best:
    """Remembers the last weights that were not behind the best; counts evaluations without a better one."""

    def __init__(self, model: TwoTower, score: float) -> None:
        self.step, self.score, self.stale = 0, score, 0
        self.curve = [(0, score)]
        self._weights = _copy(model)

    def update(self, model: TwoTower, step: int, score: float) -> int:
        self.curve.append((step, score))
        self.stale = 0 if score > self.score or np.isnan(self.score) else self.stale + 1
        if not score < self.score - _CHANCE:
            self.step, self._weights = step, _copy(model)
        self.score = float(np.fmax(self.score, score))
        return self.stale

    def restore(self, model: TwoTower) -> None:
        model.load_state_dict(self._weights)


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


class _Loop:
    def __init__(self, model: TwoTower, examples: Examples, params: TrainParams) -> None:
        self._model, self._examples, self._params = model, examples, params
        self._rng = np.random.default_rng(params.seed)
        self._chance = query_chances(examples.train)
        self._starts = examples.items.starts
        self._log_scale = nn.Parameter(torch.tensor(float(np.log(1 / params.temperature))))
        weights = [*model.parameters(), self._log_scale]
        self._optimizer = torch.optim.AdamW(
            weights, params.learning_rate, weight_decay=params.weight_decay, fused=True
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, params.learning_rate, total_steps=max(params.steps, 1) + 1, pct_start=0.1
        )
        self.losses: list[tuple[int, float]] = []

    def step(self, step: int) -> None:
        """Draw a block, score it, move the weights."""
        self._model.train()
        judged, pool, grades = self._draw()
        queries = self._tower_output(self._model.query_tower, judged.queries)
        rows, starts = sample_views(self._starts, len(self._examples.items), pool, self._rng)
        items = self._tower_output(self._model.item_tower, self._examples.items.take(rows))
        loss = loss_of(
            self._params.loss,
            best_view(queries @ items.T, starts),
            grades,
            torch.ones_like(grades, dtype=torch.bool),
            params=self._params,
            scale=self._log_scale.exp().clamp(max=100.0),
        )
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        self.losses.append((step, float(loss.detach())))

    def _draw(self) -> tuple[Judged, NDArray[np.int64], Tensor]:
        train, params = self._examples.train, self._params
        count = min(params.batch, len(train.queries))
        rows = np.sort(self._rng.choice(len(train.queries), size=count, replace=False, p=self._chance))
        judged = train.take(rows)
        pool = sample_pool(judged, params, self._rng)
        return judged, pool, torch.from_numpy(judged.grades[:, pool].toarray())

    def _tower_output(self, tower: nn.Module, batch: ModalityBatch) -> Tensor:
        vectors, present = as_tensors(batch, tower)  # type: ignore[arg-type]
        return tower(vectors, hide_some(present, self._params.drop, self._rng))

    def dev_score(self) -> float:
        """Mean nDCG@10 over the held-out queries, exact search over all items."""
        dev = self._examples.dev
        if len(dev.queries) == 0:
            return float("nan")
        queries, items = self._model.queries(dev.queries), self._model.items(self._examples.items)
        return mean_ndcg(queries, items, dev, starts=self._starts)


def mean_ndcg(
    queries: Matrix,
    items: Matrix,
    judged: Judged,
    k: int = 10,
    *,
    starts: NDArray[np.int64] | None = None,
) -> float:
    """Mean nDCG@k of exact search, gain 2^grade - 1, ideal over all judged items.

    Args:
        queries: unit rows, float32 [q, d].
        items: unit rows, float32 [n, d].
        judged: grades of the same queries.
        k: depth.

    Returns:
        0 to 1, NaN without a judged query.
    """
    similarity = queries @ items.T
    if starts is not None and len(starts) < len(items):
        similarity = np.maximum.reduceat(similarity, starts, axis=1)
    k = min(k, similarity.shape[1])
    discount = 1 / np.log2(np.arange(k) + 2)
    values = []
    for row in range(len(queries)):
        grades = judged.grades[row].toarray()[0]
        ideal = np.sort(2.0**grades - 1)[::-1][:k] @ discount
        if ideal > 0:
            top = np.argsort(-similarity[row], kind="stable")[:k]
            values.append((2.0 ** grades[top] - 1) @ discount / ideal)
    return float(np.mean(values)) if values else float("nan")
