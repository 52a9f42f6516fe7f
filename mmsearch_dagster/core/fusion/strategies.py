"""Four ways to fuse the modalities of one item or query into one vector.

Legend: b batch, m modalities, d width.
Each is a weighted mean of the present modalities plus a correction that starts at zero, so training
begins from the plain mean and a strategy can only be worse by learning to be.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from mmsearch_dagster.core.fusion.config import Strategy


class _MakesStrategy(Protocol):
    def __call__(self, modalities: int, width: int, hidden: int) -> nn.Module: ...


_Made = TypeVar("_Made", bound=_MakesStrategy)
_CLASSES: dict[Strategy, _MakesStrategy] = {}


def register(name: Strategy) -> Callable[[_Made], _Made]:
    """Makes the decorated class the strategy of that name, one of `core.fusion.config.Strategy`."""

    def add(strategy: _Made) -> _Made:
        _CLASSES[name] = strategy
        return strategy

    return add


def make_strategy(strategy: Strategy, *, modalities: int, width: int, hidden: int) -> nn.Module:
    """A new module of the named strategy.

    Args:
        strategy: its name.
        modalities: m, number of modalities.
        width: d, width of each modality's vector.
        hidden: units of hidden layers.

    Returns:
        A module: h [b, m, d] and present bool [b, m] -> [b, d].
    """
    return _CLASSES[strategy](modalities, width, hidden)


def masked_softmax(logits: Tensor, present: Tensor) -> Tensor:
    """Softmax over the present modalities; rows with none present are all zero.

    Args:
        logits: [b, m]. present: bool [b, m].
    Returns:
        [b, m], each row sums to 1, or to 0 where nothing is present.
    """
    blocked = logits.masked_fill(~present, torch.finfo(logits.dtype).min)
    return torch.softmax(blocked, dim=1) * present


@register("weighted")
class Weighted(nn.Module):
    """One learned weight per modality."""

    def __init__(self, modalities: int, width: int, hidden: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(modalities))

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """Weighted mean of the modalities; the weights are learned, the same for all rows.

        Args:
            h: [b, m, d].
            present: bool [b, m].

        Returns:
            [b, d].
        """
        weights = masked_softmax(self.logits.expand(h.shape[0], -1), present)
        return (weights.unsqueeze(-1) * h).sum(dim=1)


@register("concat")
class Concat(nn.Module):
    """The modalities side by side, with their masks, through a small network."""

    def __init__(self, modalities: int, width: int, hidden: int) -> None:
        super().__init__()
        self.mean = Weighted(modalities, width, hidden)
        self.inner = nn.Linear(modalities * (width + 1), hidden)
        self.outer = nn.Linear(hidden, width)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """The weighted mean plus a network over all modalities side by side.

        Args:
            h: [b, m, d], zeros where a modality is missing.
            present: bool [b, m].

        Returns:
            [b, d].
        """
        seen = (h * present.unsqueeze(-1)).flatten(1)  # [b, m * d]
        both = torch.cat([seen, present.to(h.dtype)], dim=1)
        return self.mean(h, present) + self.outer(torch.nn.functional.gelu(self.inner(both)))


@register("attention")
class Attention(nn.Module):
    """Weights that depend on the content: each modality is scored beside the mean of all."""

    def __init__(self, modalities: int, width: int, hidden: int) -> None:
        super().__init__()
        self.mean = Weighted(modalities, width, hidden)
        self.key = nn.Linear(2 * width, hidden)
        self.score = nn.Linear(hidden, modalities)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """Mean of the modalities, weighted by attention.

        Args:
            h: [b, m, d].
            present: bool [b, m].

        Returns:
            [b, d].
        """
        modality, context = self.key.weight.chunk(2, dim=1)  # of the modality, of the mean of all
        seen = torch.nn.functional.linear(self.mean(h, present), context, self.key.bias)  # [b, hidden]
        hidden = torch.nn.functional.gelu(h @ modality.T + seen.unsqueeze(1))  # [b, m, hidden]
        score = torch.diagonal(self.score(hidden), dim1=1, dim2=2)  # [b, m]
        weights = masked_softmax(self.mean.logits + score, present)
        return (weights.unsqueeze(-1) * h).sum(dim=1)


@register("hadamard")
class Hadamard(nn.Module):
    """Element-wise products of every pair of present modalities, mapped and added to the mean."""

    def __init__(self, modalities: int, width: int, hidden: int) -> None:
        super().__init__()
        self.mean = Weighted(modalities, width, hidden)
        first, second = torch.triu_indices(modalities, modalities)
        self.first: Tensor
        self.second: Tensor
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.mix = nn.Linear(width, width)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """The weighted mean plus the products of all pairs of modalities.

        Args:
            h: [b, m, d].
            present: bool [b, m].

        Returns:
            [b, d].
        """
        pairs = h[:, self.first] * h[:, self.second] * h.shape[-1] ** 0.5  # [b, pairs, d]
        both = (present[:, self.first] & present[:, self.second]).unsqueeze(-1)
        product = (pairs * both).sum(dim=1) / both.sum(dim=1).clamp(min=1)
        return self.mean(h, present) + self.mix(product)
