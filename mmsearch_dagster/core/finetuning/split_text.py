"""A text network cut in two: the lower layers run once per text, the last ones as often as they learn."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmsearch_dagster.core.encoders.networks import TextNetwork
from mmsearch_dagster.core.errors import ConfigError

# Outputs of the lower layers that are kept in memory; those of further texts are computed each time.
_KEPT_BYTES = 1_000_000_000
# Texts of like length share a pass.
_TEXTS_PER_PASS = 16


class _BelowDoneError(Exception):
    """Ends a pass of the network where its last layers begin."""


class SplitText:
    """The network, with its last layers apart.

    learning: those layers. They run in evaluation mode, so that a text has one vector.
    """

    def __init__(self, network: TextNetwork, layers: int, device: torch.device) -> None:
        """Raises ConfigError for a network without a list of layers."""
        self._network, self._device = network.to(device).eval().requires_grad_(False), device
        self._owner, self._name, every = _layer_list(network.backbone)
        self._all = every
        self.learning = nn.ModuleList(list(every)[-layers:]).requires_grad_(True)
        self._below: Tensor | None = None
        self._recording = False
        self.learning[0].register_forward_pre_hook(self._swap, with_kwargs=True)
        self._kept: dict[tuple[int, ...], Tensor] = {}
        self._free = _KEPT_BYTES

    def vectors(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Unit vectors; gradients reach the last layers.

        Args:
            texts: token ids of `n` texts.

        Returns:
            [n, d].
        """
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        parts = [order[at : at + _TEXTS_PER_PASS] for at in range(0, len(order), _TEXTS_PER_PASS)]
        vectors = torch.cat([self._pass([tuple(texts[row]) for row in part]) for part in parts])
        rank = torch.empty(len(order), dtype=torch.long, device=self._device)
        rank[torch.tensor(order, device=self._device)] = torch.arange(len(order), device=self._device)
        return nn.functional.normalize(vectors[rank], dim=1)

    def _pass(self, texts: Sequence[tuple[int, ...]]) -> Tensor:
        ids, mask = self._padded(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in self._kept]
        fresh = dict(zip(missing, self._run_below(missing), strict=True)) if missing else {}
        below = [self._kept[text] if text in self._kept else fresh[text] for text in texts]
        self._keep(fresh)
        self._below = nn.utils.rnn.pad_sequence(below, batch_first=True).to(self._device)
        setattr(self._owner, self._name, self.learning)
        try:
            return self._network(ids, mask)
        finally:
            setattr(self._owner, self._name, self._all)
            self._below = None

    def _run_below(self, texts: Sequence[tuple[int, ...]]) -> list[Tensor]:
        """What the last layers are given of each text, [tokens, d]."""
        ids, mask = self._padded(texts)
        self._recording = True
        try:
            with torch.no_grad():
                self._network(ids, mask)
        except _BelowDoneError:
            pass
        finally:
            self._recording = False
        below, self._below = self._below, None
        assert below is not None
        return [hidden[: len(text)].cpu().clone() for hidden, text in zip(below, texts, strict=True)]

    def _keep(self, fresh: dict[tuple[int, ...], Tensor]) -> None:
        for text, hidden in fresh.items():
            self._free -= hidden.nbytes
            if self._free < 0:
                return
            self._kept[text] = hidden

    def _swap(self, module: nn.Module, inputs: Any, named: Any) -> Any:
        """In the place of what comes from below: it is noted, or replaced by what was noted."""
        if self._recording:
            self._below = inputs[0] if inputs else named["hidden_states"]
            raise _BelowDoneError
        if self._below is None:
            return None
        if inputs:
            return (self._below, *inputs[1:]), named
        return inputs, {**named, "hidden_states": self._below}

    def _padded(self, texts: Sequence[tuple[int, ...]]) -> tuple[Tensor, Tensor]:
        rows = [torch.tensor(text, dtype=torch.long) for text in texts]
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(text) for text in texts])
        mask = (torch.arange(ids.shape[1]) < lengths.unsqueeze(1)).long()
        return ids.to(self._device), mask.to(self._device)


def _layer_list(backbone: Any) -> tuple[nn.Module, str, nn.ModuleList]:
    """The longest list of layers of the text part, with its owner and its name there."""
    tower: nn.Module = getattr(backbone, "text_model", backbone)
    lists = [
        (owner, name, child)
        for owner in tower.modules()
        for name, child in owner.named_children()
        if isinstance(child, nn.ModuleList) and len(child)
    ]
    if not lists:
        raise ConfigError(
            f"a text encoder of type {type(backbone).__name__} cannot be fine-tuned: it has no list of layers"
        )
    return max(lists, key=lambda entry: len(entry[2]))
