"""Trains the personal ranker on result pages: pointwise and pairwise losses, corrected for position bias."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.personalisation.evaluation import mean_value
from mmsearch_dagster.core.personalisation.features import Values, columns_of
from mmsearch_dagster.core.personalisation.network import Ranker, RankerSpec
from mmsearch_dagster.core.random_state import seeded


class RankerParams(BaseModel):
    """How to train. pairwise: share of the pairwise loss, the rest is pointwise. clip: largest inverse
    propensity. hide_order, hide_query: chance that a page's order before, or its query, is hidden, so that
    the ranker also learns to answer without one. hide_person: the same for who looks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=40, ge=1, le=500)
    patience: int = Field(default=10, ge=1)
    pages: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-2, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    pairwise: float = Field(default=0.5, ge=0, le=1)
    clip: float = Field(default=10.0, ge=1)
    hide_order: float = Field(default=0.2, ge=0, lt=1)
    hide_query: float = Field(default=0.1, ge=0, lt=1)
    hide_person: float = Field(default=0.1, ge=0, lt=1)
    rank: int = 8
    hidden: int = 8
    drop: float = 0.4
    seed: int = 7
    validation_share: float = Field(default=0.1, gt=0, lt=0.5)
    test_share: float = Field(default=0.2, gt=0, lt=0.5)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    resamples: int = Field(default=2000, ge=100)
    min_pages: int = Field(default=50, ge=2)


@dataclass(frozen=True)
class Shown:
    """`n` shown products. people, items: float32 [n, d] (zero rows: unknown); features: scaled float32
    [n, f]; page: int [n], numbers that grow; grade: int [n]; weight: inverse propensities [n], clipped;
    look: the propensities themselves [n]."""

    people: Matrix
    items: Matrix
    features: Matrix
    page: NDArray[np.int64]
    grade: NDArray[np.int64]
    weight: Values
    look: Values

    def __len__(self) -> int:
        return len(self.page)


@dataclass(frozen=True)
class TrainedRanker:
    """The weights of the best validation score, and the curves on the way there."""

    ranker: Ranker
    loss_curve: tuple[tuple[int, float], ...]
    validation_curve: tuple[tuple[int, float], ...]
    best_epoch: int


def pointwise_loss(scores: Tensor, clicked: Tensor, look: Tensor) -> Tensor:
    """Mean over pairs of -log P(click or not), P(click) = look * s(f): the position-based model's own
    likelihood with its chances to be looked at given (Richardson, Dominowska and Ragno, Predicting Clicks,
    WWW 2007). What was not clicked far down says little, and unlike an inverse-propensity log loss
    it is bounded below. scores: [n]; clicked: bool [n]; look: [n] in (0, 1]."""
    seen_and_liked = look.log() + nn.functional.logsigmoid(scores)
    neither = torch.log1p(-(look * torch.sigmoid(scores)).clamp(max=1 - 1e-6))
    return -torch.where(clicked, seen_and_liked, neither).mean()


def pairwise_loss(scores: Tensor, grade: Tensor, weight: Tensor, page: Tensor) -> Tensor:
    """Mean over pages' pairs (a, b), grade a > grade b, of w_a (g_a - g_b) log(1 + exp(f_b - f_a)).

    The clicked one carries its inverse propensity, as in Joachims, Swaminathan and Schnabel, WSDM 2017,
    with RankNet's logistic instead of the hinge. scores, grade, weight, page: [n]. 0 without a pair.
    """
    ahead = (page[:, None] == page[None, :]) & (grade[:, None] > grade[None, :])  # [n, n]
    if not bool(ahead.any()):
        return scores.sum() * 0.0
    left, right = ahead.nonzero(as_tuple=True)
    price = weight[left] * (grade[left] - grade[right]).to(scores.dtype)
    return (price * nn.functional.softplus(scores[right] - scores[left])).sum() / price.sum()


def train_ranker(train: Shown, validation: Shown, spec: RankerSpec, params: RankerParams) -> TrainedRanker:
    """Fit on `train`, stop by nDCG@10 on `validation` (by the last epoch where it has no click).

    Deterministic for a seed; one thread, so that sums keep their order.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with seeded(spec.seed):
            return _fit(train, validation, spec, params)
    finally:
        torch.set_num_threads(threads)


def _fit(train: Shown, validation: Shown, spec: RankerSpec, params: RankerParams) -> TrainedRanker:
    rng = np.random.default_rng(params.seed)
    ranker = Ranker(spec, in_training=True)
    optimizer = torch.optim.AdamW(
        ranker.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay
    )
    starts = np.flatnonzero(np.diff(train.page, prepend=-1))
    ends = np.append(starts[1:], len(train))
    best, best_epoch, best_state = -np.inf, 0, ranker.state_dict()
    losses, curve = [], []
    for epoch in range(params.epochs):
        losses.append((epoch, _epoch(ranker, optimizer, train, (starts, ends), params, rng)))
        value = mean_value(
            ranker.scores(validation.people, validation.items, validation.features),
            validation.page,
            validation.grade,
            validation.weight,
        )
        curve.append((epoch, value))
        if np.isnan(value) or value > best:
            best, best_epoch = value, epoch
            best_state = {name: tensor.clone() for name, tensor in ranker.state_dict().items()}
        if epoch - best_epoch >= params.patience:
            break
    ranker.load_state_dict(best_state)
    return TrainedRanker(ranker.eval(), tuple(losses), tuple(curve), best_epoch)


def _epoch(
    ranker: Ranker,
    optimizer: torch.optim.Optimizer,
    train: Shown,
    bounds: tuple[NDArray[np.int64], NDArray[np.int64]],
    params: RankerParams,
    rng: np.random.Generator,
) -> float:
    ranker.train()
    starts, ends = bounds
    order = rng.permutation(len(starts))
    total = 0.0
    for begin in range(0, len(order), params.pages):
        chosen = order[begin : begin + params.pages]
        rows = np.concatenate([np.arange(int(starts[number]), int(ends[number])) for number in chosen])
        people, features = _hide(train, rows, params, columns_of(ranker.spec.features), rng)
        scores = ranker(people, torch.from_numpy(train.items[rows]), features)
        grade, page = torch.from_numpy(train.grade[rows]), torch.from_numpy(train.page[rows])
        weight = torch.from_numpy(train.weight[rows].astype(np.float32))
        look = torch.from_numpy(train.look[rows].astype(np.float32))
        pairwise = pairwise_loss(scores, grade, weight, page)
        loss = params.pairwise * pairwise + (1 - params.pairwise) * pointwise_loss(scores, grade > 0, look)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(ranker.parameters(), 1.0)
        optimizer.step()
        total += float(loss.detach()) * len(chosen)
    return total / max(len(order), 1)


def _hide(
    train: Shown,
    rows: NDArray[np.int64],
    params: RankerParams,
    columns: Mapping[str, tuple[int, ...]],
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Vectors of people and figures of the rows, each page with a chance of an unknown part."""
    _, page = np.unique(train.page[rows], return_inverse=True)
    features, people = train.features[rows].copy(), train.people[rows].copy()
    pages = int(page.max()) + 1
    shares = {"order": params.hide_order, "query": params.hide_query, "person": params.hide_person}
    for part, share in shares.items():
        gone = (rng.random(pages) < share)[page]
        features[np.ix_(gone, np.asarray(columns[part], dtype=np.int64))] = 0.0
        if part == "person":
            people[gone] = 0.0
    return torch.from_numpy(people), torch.from_numpy(features)
