"""A training that went wrong."""

import json

import torch
from safetensors.torch import load_file, save_file

from mmsearch_dagster.core.fusion.towers import WEIGHTS_FILE, weights_sha256
from tests.homes import Place


def spoil_candidates(place: Place) -> None:
    """Random weights in the place of every trained candidate's, and facts that say so."""
    for strategy in place.workspace.preset.strategies:
        folder = place.workspace.lake.current(f"fusion_{strategy}").folder
        weights = load_file(folder / WEIGHTS_FILE)
        generator = torch.Generator().manual_seed(1)
        noise = {name: torch.randn(one.shape, generator=generator) for name, one in weights.items()}
        save_file(noise, folder / WEIGHTS_FILE)
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        (folder / "facts.json").write_text(json.dumps({**facts, "weights": weights_sha256(folder)}))
