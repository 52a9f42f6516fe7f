"""Trains the deep ranker in torch: a listwise loss, stopped where held-out queries no longer gain.

It begins at the linear ranker and learns what the products add: where they add nothing, it is the linear one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from mmsearch_dagster.core.random_state import exact_threads, seeded
from mmsearch_dagster.core.ranking.rankers.deep import DeepRanker, network_input
from mmsearch_dagster.core.ranking.rankers.linear import LinearRanker, train_linear
from mmsearch_dagster.core.ranking.training_set import TrainingSet

if TYPE_CHECKING:
    import torch

# What is trained, by the names of DeepRanker; the rest is the linear ranker's.
_TRAINED = ("hidden", "bias", "left", "right", "product")


_FEWEST_EPOCHS = 3
# The score of a row that only fills up a list: no share of the softmax, and finite.
_NO_CANDIDATE = -1e9


@dataclass(frozen=True)
class DeepParams:
    """How the network is trained. width: of what it reads. products: how many. patience: epochs without a
    gain on the held-out share of the queries. weight_decay: of AdamW. visits: of queries at most, all epochs
    together; many queries are seen fewer times each.
    """

    width: int = 32
    products: int = 16
    learning_rate: float = 0.005
    weight_decay: float = 0.05
    epochs: int = 60
    visits: int = 20_000
    patience: int = 8
    batch: int = 16
    held_out: float = 0.2
    seed: int = 7


@dataclass(frozen=True)
class _Query:
    """values: float32 [n, 2 f]. target: shares of the gains 2^grade - 1, float32 [n]."""

    values: "torch.Tensor"
    target: "torch.Tensor"


def train_deep(training: TrainingSet, params: DeepParams = DeepParams()) -> DeepRanker:
    """The network after as many epochs as are best for held-out queries, trained on all.

    The same for the same input and seed. Queries without a graded candidate teach nothing and are left out.
    """
    order = np.random.default_rng(params.seed).permutation(len(training.query_ids)).tolist()
    ids = [training.query_ids[row] for row in order]
    held = int(len(ids) * params.held_out)
    inside, outside = training.part(ids[held:]), training.part(ids[:held])
    affordable = max(_FEWEST_EPOCHS, params.visits // max(len(inside.query_ids), 1))
    params = replace(params, epochs=min(params.epochs, affordable))
    with exact_threads(1):
        losses = [loss for _, loss in _epochs(train_linear(inside), inside, outside, params)]
        best = int(np.argmin(losses))
        linear = train_linear(training)
        trained = _epochs(linear, training, training.part([]), params)
        weights, _ = next(islice(trained, best, None))
    arrays = {name: weights[name].detach().numpy().astype(np.float64) for name in _TRAINED}
    return DeepRanker(linear.mean, linear.scale, linear.weights, **arrays)


def _epochs(
    linear: LinearRanker, inside: TrainingSet, outside: TrainingSet, params: DeepParams
) -> "Iterator[tuple[dict[str, torch.Tensor], float]]":
    """The weights and the loss on `outside`, before the first epoch and after each, until it no longer gains.

    Without a query outside the loss is 0, and only the number of epochs ends it.
    """
    import torch

    taught, held = (_queries(part, linear) for part in (inside, outside))
    draw = np.random.default_rng(params.seed)
    with seeded(params.seed):
        weights = _initial(linear, params)
    trained = [weights[name] for name in _TRAINED]
    optimiser = torch.optim.AdamW(trained, lr=params.learning_rate, weight_decay=params.weight_decay)
    losses: list[float] = []
    while True:
        with torch.no_grad():
            losses.append(float(_loss(weights, held)) if held else 0.0)
        yield weights, losses[-1]
        since = len(losses) - 1 - int(np.argmin(losses))
        if not taught or len(losses) > params.epochs or (held and since >= params.patience):
            return
        order = draw.permutation(len(taught)).tolist()
        for start in range(0, len(order), params.batch):
            optimiser.zero_grad()
            _loss(weights, [taught[row] for row in order[start : start + params.batch]]).backward()
            optimiser.step()


def _queries(training: TrainingSet, linear: LinearRanker) -> list[_Query]:
    import torch

    gains = np.exp2(training.grades) - 1.0

    def read(span: slice) -> "torch.Tensor":
        values = network_input(training.features[span], linear.mean, linear.scale)
        return torch.from_numpy(values.astype(np.float32))

    return [
        _Query(
            read(span),
            torch.from_numpy((gains[span] / gains[span].sum()).astype(np.float32)),
        )
        for _, span in training.spans()
        if gains[span].sum() > 0
    ]


def _initial(linear: LinearRanker, params: DeepParams) -> "dict[str, torch.Tensor]":
    """At first the products count nothing."""
    import torch

    def drawn(rows: int, columns: int) -> "torch.Tensor":
        return (torch.randn(rows, columns) / rows**0.5).requires_grad_()

    return {
        "linear": torch.from_numpy(linear.weights.astype(np.float32)),
        "hidden": drawn(2 * len(linear.weights), params.width),
        "bias": torch.zeros(params.width, requires_grad=True),
        "left": drawn(params.width, params.products),
        "right": drawn(params.width, params.products),
        "product": torch.zeros(params.products, requires_grad=True),
    }


def _loss(weights: "dict[str, torch.Tensor]", queries: Sequence[_Query]) -> "torch.Tensor":
    """Mean softmax cross-entropy of the queries' lists (ListNet)."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    scores = network_scores(weights, torch.cat([query.values for query in queries]))
    parts = scores.split([len(query.target) for query in queries])
    padded = pad_sequence(list(parts), batch_first=True, padding_value=_NO_CANDIDATE)
    targets = pad_sequence([query.target for query in queries], batch_first=True)
    return -(targets * padded.log_softmax(1)).sum(1).mean()


def network_scores(weights: "dict[str, torch.Tensor]", values: "torch.Tensor") -> "torch.Tensor":
    """What DeepRanker.predict computes, in torch.

    Args:
        weights: by the names of DeepRanker.
        values: of `network_input`, float32 [n, 2 f].

    Returns:
        float32 [n].
    """
    read = (values @ weights["hidden"] + weights["bias"]).relu()
    products = (read @ weights["left"]) * (read @ weights["right"])
    return values[:, : len(weights["linear"])] @ weights["linear"] + products @ weights["product"]
