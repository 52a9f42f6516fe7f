"""The towers in numpy answer as the trained model in torch does."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.fusion.config import STRATEGIES, FusionSpec, Strategy
from mmsearch_dagster.core.fusion.model import TwoTower, save_model
from mmsearch_dagster.core.fusion.towers import (
    SPEC_FILE,
    WEIGHTS_FILE,
    Towers,
    is_evaluated_here,
    load_towers,
)
from mmsearch_dagster.core.modalities import IMAGE, TEXT, VIDEO, ModalityBatch

FRAMES = 3


def trained(strategy: Strategy) -> TwoTower:
    """Every weight is somewhere, as after training."""
    spec = FusionSpec(
        strategy=strategy,
        item_widths={TEXT: 8, IMAGE: 6, VIDEO: FRAMES * 6},
        query_widths={TEXT: 8, IMAGE: 6},
        width=10,
        hidden=7,
        frames={VIDEO: FRAMES},
    )
    model = TwoTower(spec)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.add_(torch.randn(tensor.shape, generator=generator) * 0.3)
    return model


def batch(rows: int, seed: int, model: TwoTower) -> ModalityBatch:
    """Rows with some modalities missing, and videos with some frames missing."""
    draw = np.random.default_rng(seed)
    widths = model.spec.item_widths
    vectors = {n: draw.normal(size=(rows, width)).astype(np.float32) for n, width in widths.items()}
    vectors[VIDEO][::2, 6:12] = 0.0
    present = {name: draw.random(rows) < 0.6 for name in widths}
    return ModalityBatch(tuple(map(str, range(rows))), vectors, present)


MODELS = {strategy: trained(strategy) for strategy in STRATEGIES}


@pytest.fixture(params=STRATEGIES)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[TwoTower, Towers]:
    model = MODELS[request.param]
    save_model(model, tmp_path)
    assert is_evaluated_here(tmp_path)
    return model, load_towers(tmp_path)


def test_items_and_queries_are_the_same_vectors(pair: tuple[TwoTower, Towers]) -> None:
    model, towers = pair
    for seed in range(5):
        rows = batch(40, seed, model)
        np.testing.assert_allclose(towers.items(rows), model.items(rows), atol=1e-5)
        np.testing.assert_allclose(towers.queries(rows), model.queries(rows), atol=1e-5)


@given(seed=st.integers(0, 2**16), garbage=st.sampled_from([float("nan"), float("inf"), 3e38]))
@settings(max_examples=20)
def test_what_a_masked_row_holds_never_changes_a_vector(seed: int, garbage: float) -> None:
    model = MODELS["concat"]
    towers = Towers(model.spec, {name: tensor.numpy() for name, tensor in model.state_dict().items()})
    rows = batch(6, seed, model)
    dirty = {name: np.where(rows.present[name][:, None], x, garbage) for name, x in rows.vectors.items()}
    soiled = ModalityBatch(rows.ids, {n: x.astype(np.float32) for n, x in dirty.items()}, rows.present)

    np.testing.assert_array_equal(towers.items(soiled), towers.items(rows))


def test_a_row_with_nothing_present_is_zero_and_a_modality_may_be_unknown(
    pair: tuple[TwoTower, Towers],
) -> None:
    model, towers = pair
    rows = batch(4, 1, model)
    words = ModalityBatch(rows.ids, {TEXT: rows.vectors[TEXT]}, {TEXT: np.array([True, False, True, True])})

    assert not towers.queries(words)[1].any()
    np.testing.assert_allclose(towers.items(words), model.items(words), atol=1e-5)


@pytest.mark.parametrize("damage", ["gone", "cut", "other spec"])
def test_damaged_files_are_refused(damage: str, tmp_path: Path) -> None:
    save_model(MODELS["attention"], tmp_path)
    weights, spec = tmp_path / WEIGHTS_FILE, tmp_path / SPEC_FILE
    if damage == "gone":
        weights.unlink()
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-10])
    else:
        spec.write_text(spec.read_text(encoding="utf-8").replace('"width": 10', '"width": 12'))

    with pytest.raises(ReleaseMismatchError, match=r"cannot be loaded: .*; put the files back"):
        load_towers(tmp_path)


def test_a_strategy_with_torch_code_only_is_not_evaluated_here(tmp_path: Path) -> None:
    save_model(MODELS["concat"], tmp_path)
    spec = tmp_path / SPEC_FILE
    spec.write_text(spec.read_text(encoding="utf-8").replace('"concat"', '"somebody\'s"'))

    assert not is_evaluated_here(tmp_path)
