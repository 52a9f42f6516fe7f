"""Making or loading a model is nothing that its caller's random numbers could notice."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mmsearch_dagster.adapters.models.locate import locate
from mmsearch_dagster.core.encoders.networks import load_network
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.fusion.config import TrainParams
from mmsearch_dagster.core.fusion.model import TwoTower, load_model, save_model
from mmsearch_dagster.core.fusion.training import train
from mmsearch_dagster.core.random_state import seeded
from tests.core.fusion.toy import rotated_catalogue, small_spec

SHORT = TrainParams(steps=2, batch=8, evaluate_every=1, width=8, hidden=8, seed=3)


def drawn_next() -> tuple[float, float, float]:
    """What Python, numpy and torch draw next."""
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def _seed_all() -> None:
    random.seed(11)
    np.random.seed(12)
    torch.manual_seed(13)


def _embedded_picture_network(folder: Path) -> nn.Module:
    spec = EncoderSpec(modality="image", library="timm", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    return load_network(spec, locate(spec))


WORK: dict[str, Callable[[Path], object]] = {
    "two towers made": lambda folder: TwoTower(small_spec()),
    "two towers loaded": lambda folder: load_model(folder / "towers"),
    "two towers trained": lambda folder: train("concat", rotated_catalogue(), SHORT),
    "an encoder's network loaded": _embedded_picture_network,
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_the_caller_draws_the_same_numbers_afterwards(work: Callable[[Path], object], tmp_path: Path) -> None:
    save_model(TwoTower(small_spec()), tmp_path / "towers")
    _seed_all()
    expected = drawn_next()

    _seed_all()
    work(tmp_path)

    assert drawn_next() == expected


def test_first_weights_are_those_of_a_seeded_process() -> None:
    with seeded(small_spec().seed):
        expected = TwoTower(small_spec(), in_training=True).state_dict()

    found = TwoTower(small_spec()).state_dict()

    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
