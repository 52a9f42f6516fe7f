"""Who is told about a fine-tuning while it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Watch:
    """Callbacks. batch: after each batch, with its size. epoch: after each epoch, with its metrics."""

    batch: Callable[[int], None] = lambda count: None
    epoch: Callable[[Any], None] = lambda metrics: None
