"""Which parameters an optimizer decays."""

from collections.abc import Iterable
from typing import Any

from torch import nn


def weight_groups(parameters: Iterable[nn.Parameter], rate: float) -> list[dict[str, Any]]:
    """Groups for AdamW: vectors (biases, normalisations) are not decayed.

    Args:
        parameters: those that learn.
        rate: their learning rate.
    """
    learning = list(parameters)
    return [
        {"params": [weight for weight in learning if weight.ndim > 1], "lr": rate},
        {"params": [weight for weight in learning if weight.ndim <= 1], "lr": rate, "weight_decay": 0.0},
    ]
