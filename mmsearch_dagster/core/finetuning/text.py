"""Fine-tuning the last layers of a text network on queries and the products that answer them.

The loss is the multiple negatives ranking loss (Henderson et al., 2017, arXiv:1705.00652): a query's product
against those of the other queries of its batch, with mined hard negatives among them. Its grades make it
ListNet's. So that nothing is forgotten, the result lies between the frozen and the tuned weights (WiSE-FT,
Wortsman et al., 2022, arXiv:2109.01903), as far as held-out queries show that it pays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsearch_dagster.core.encoders.networks import TextNetwork
from mmsearch_dagster.core.finetuning.checkpoint import restore_checkpoint, save_checkpoint
from mmsearch_dagster.core.finetuning.split_text import SplitText
from mmsearch_dagster.core.finetuning.text_examples import (
    QueryExample,
    draw_products,
    epoch_order,
    grades_of,
)
from mmsearch_dagster.core.finetuning.text_params import TextFinetuneParams
from mmsearch_dagster.core.finetuning.watch import Watch
from mmsearch_dagster.core.finetuning.weight_groups import weight_groups
from mmsearch_dagster.core.fusion.config import TrainParams
from mmsearch_dagster.core.fusion.losses import contrastive
from mmsearch_dagster.core.metrics.bootstrap import Difference, paired_difference
from mmsearch_dagster.core.metrics.ranking import ndcg

_DEPTH = 10
Tokens = Sequence[int]


@dataclass(frozen=True)
class TextEpoch:
    """One pass over the queries. loss: its mean; held_out: nDCG@10 of the held-out queries after it."""

    epoch: int
    loss: float
    held_out: float


@dataclass(frozen=True)
class Texts:
    """Token ids. queries: text -> tokens. products: of every row. pool: rows that held-out queries are
    measured among."""

    queries: Mapping[str, Tokens]
    products: Sequence[Tokens]
    pool: Sequence[int]


@dataclass(frozen=True)
class TunedText:
    """The outcome. share: of the way to the tuned weights, 0 where no gain was shown. frozen: nDCG@10 of the
    held-out queries before. gain: of the best share over it."""

    share: float
    frozen: float
    gain: Difference
    curve: tuple[TextEpoch, ...]


def finetune_text(
    network: TextNetwork,
    examples: tuple[Sequence[QueryExample], Sequence[QueryExample]],
    texts: Texts,
    params: TextFinetuneParams,
    *,
    watch: Watch | None = None,
    checkpoint: Path | None = None,
) -> TunedText:
    """Fine-tunes a text network; its tensors are changed in place, to the weights that pay best.

    The same examples, params and machine give the same weights.

    Args:
        network: in evaluation mode.
        examples: queries that train and queries that only measure.
        texts: their tokens and those of the products.
        params: epochs, rates and what is tried.
        watch: gets each finished batch and epoch.
        checkpoint: written after each epoch and continued from.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    training = _Training(network, examples, texts, params, device)
    done = training.restore(checkpoint)
    while len(done) < params.epochs and not _stalls(done, params.patience):
        done.append(training.epoch(len(done), watch or Watch()))
        training.keep_best(done)
        training.save(checkpoint, done)
    outcome = training.interpolate(done)
    network.to("cpu")
    return outcome


def _stalls(done: Sequence[TextEpoch], patience: int) -> bool:
    """Whether the last `patience` epochs brought nothing."""
    return len(done) > patience and _best(done).epoch < len(done) - patience


def _best(done: Sequence[TextEpoch]) -> TextEpoch:
    return max(done, key=lambda epoch: (epoch.held_out, -epoch.epoch))


class _Training:
    """All that changes from step to step."""

    def __init__(
        self,
        network: TextNetwork,
        examples: tuple[Sequence[QueryExample], Sequence[QueryExample]],
        texts: Texts,
        params: TextFinetuneParams,
        device: torch.device,
    ) -> None:
        self._train, self._held_out = examples
        self._texts, self._params, self._device = texts, params, device
        self._split = SplitText(network, params.layers, device)
        layers = self._split.learning
        self._frozen = _copied(layers.state_dict())
        self._best = _Weights(self._frozen)
        self._before = self._measure()
        self._optimizer = torch.optim.AdamW(
            weight_groups(layers.parameters(), params.learning_rate), weight_decay=params.weight_decay
        )
        steps = -(-len(self._order(0)) // params.batch) * params.epochs
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, max_lr=params.learning_rate, total_steps=steps, pct_start=0.1
        )

    def _rng(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng((self._params.seed, epoch))

    def _order(self, epoch: int) -> list[int]:
        return epoch_order(self._train, self._params.positives, self._rng(epoch))

    def epoch(self, epoch: int, watch: Watch) -> TextEpoch:
        """One pass over the queries in an order of its own."""
        rng, order, losses = self._rng(epoch), self._order(epoch), 0.0
        for start in range(0, len(order), self._params.batch):
            batch = [self._train[row] for row in order[start : start + self._params.batch]]
            losses += self._step(batch, rng) * len(batch)
            watch.batch(len(batch))
        finished = TextEpoch(epoch, losses / len(order), float(self._measure().mean()))
        watch.epoch(finished)
        return finished

    def _step(self, batch: Sequence[QueryExample], rng: np.random.Generator) -> float:
        rows = draw_products(batch, self._params.negatives, rng)
        queries = self._split.vectors([self._texts.queries[example.text] for example in batch])
        products = self._split.vectors([self._texts.products[row] for row in rows])
        grades = torch.from_numpy(grades_of(batch, rows)).to(self._device)
        loss = ranking_loss(queries, products, grades, self._params.temperature)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self._schedule.step()
        return float(loss.detach())

    def _measure(self) -> NDArray[np.float64]:
        """nDCG@10 of each held-out query among the products of the pool."""
        with torch.inference_mode():
            queries = self._split.vectors([self._texts.queries[each.text] for each in self._held_out])
            pool = self._split.vectors([self._texts.products[row] for row in self._texts.pool])
            scores = (queries @ pool.T).cpu().numpy()
        return pool_ndcg(scores, grades_of(self._held_out, self._texts.pool))

    def keep_best(self, done: Sequence[TextEpoch]) -> None:
        """Remembers the weights of the last epoch where they are the best so far."""
        if _best(done).epoch == len(done) - 1:
            self._best.load_state_dict(_copied(self._split.learning.state_dict()))

    def interpolate(self, done: Sequence[TextEpoch]) -> TunedText:
        """Sets the weights of the best share of the way, where its gain is shown; else the frozen ones."""
        values: dict[float, NDArray[np.float64]] = {}
        for share in self._params.shares:
            self._set(share)
            values[share] = self._measure()
        best = max(values, key=lambda share: (float(values[share].mean()), -share))
        gain = paired_difference(values[best], self._before, seed=self._params.seed)
        share = best if gain.low > 0 else 0.0
        self._set(share)
        return TunedText(share, float(self._before.mean()), gain, tuple(done))

    def _set(self, share: float) -> None:
        tuned = self._best.state_dict()
        between = {
            name: torch.lerp(frozen, tuned[name].to(frozen.device), share)
            if frozen.is_floating_point()
            else frozen
            for name, frozen in self._frozen.items()
        }
        self._split.learning.load_state_dict(between)

    def save(self, path: Path | None, done: Sequence[TextEpoch]) -> None:
        """Replace the checkpoint in one step."""
        save_checkpoint(path, self._parts, done)

    def restore(self, path: Path | None) -> list[TextEpoch]:
        """Continue from the checkpoint; returns the epochs that are done."""
        return [TextEpoch(**epoch) for epoch in restore_checkpoint(path, self._parts, self._device)]

    @property
    def _parts(self) -> dict[str, Any]:
        return {
            "layers": self._split.learning,
            "best": self._best,
            "optimizer": self._optimizer,
            "schedule": self._schedule,
        }


class _Weights:
    """Tensors by name, kept like a module's."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = dict(tensors)

    def state_dict(self) -> dict[str, Tensor]:
        return self._tensors

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = dict(tensors)


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def ranking_loss(queries: Tensor, products: Tensor, grades: Tensor, temperature: float) -> Tensor:
    """Multiple negatives ranking loss with graded answers.

    Args:
        queries: unit vectors [q, d].
        products: unit vectors of different products [p, d].
        grades: [q, p], 0 where a product is no answer.
        temperature: of the softmax.

    Returns:
        A scalar.
    """
    usable = torch.ones_like(grades, dtype=torch.bool)
    scale = torch.tensor(1.0 / temperature, device=queries.device)
    return contrastive(queries @ products.T, grades, usable, TrainParams(), scale)


def pool_ndcg(scores: NDArray[np.floating], grades: NDArray[np.floating]) -> NDArray[np.float64]:
    """nDCG@10 of each query among the products of a pool.

    Args:
        scores: [q, p].
        grades: [q, p].

    Returns:
        float64 [q].
    """
    whole = grades.astype(np.int64)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :_DEPTH]
    ideal = -np.sort(-whole, axis=1)
    return ndcg(np.take_along_axis(whole, order, axis=1), ideal, _DEPTH)
