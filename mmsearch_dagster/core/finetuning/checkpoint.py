"""A training that was killed goes on after its last whole epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path | None, parts: Mapping[str, Any], done: Sequence[Any]) -> None:
    """Replaces the checkpoint in one step; without a path nothing is kept.

    Args:
        path: of the file.
        parts: name -> what has a `state_dict`.
        done: records of the epochs that are over.
    """
    if path is None:
        return
    part = path.with_name(f".{path.name}.part")
    states = {name: holder.state_dict() for name, holder in parts.items()}
    torch.save({**states, "done": [asdict(epoch) for epoch in done]}, part)
    part.replace(path)


def restore_checkpoint(
    path: Path | None, parts: Mapping[str, Any], device: torch.device
) -> list[dict[str, Any]]:
    """Gives the parts their stored states.

    Args:
        path: of the file; nothing is restored where there is none.
        parts: as they were saved.
        device: where their tensors lie.

    Returns:
        The fields of the epochs that are over.
    """
    if path is None or not path.exists():
        return []
    state = torch.load(path, map_location=device, weights_only=True)
    for name, holder in parts.items():
        holder.load_state_dict(state[name])
    return state["done"]
