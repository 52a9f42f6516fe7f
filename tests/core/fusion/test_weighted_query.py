"""Weights per request: a modality counts as much as the person says."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.fusion.config import FusionSpec
from mmsearch_dagster.core.fusion.model import TwoTower
from mmsearch_dagster.core.fusion.weighted_query import weighted_queries
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, Matrix, ModalityBatch

WIDTHS = {TEXT: 6, IMAGE: 5, AUDIO: 4}
TOWER = TwoTower(
    FusionSpec(strategy="attention", item_widths=WIDTHS, query_widths=WIDTHS, width=8, hidden=8, seed=3)
).queries


def batch(rows: int = 1, seed: int = 0, *, present: tuple[str, ...] = (TEXT, IMAGE)) -> ModalityBatch:
    draw = np.random.default_rng(seed)
    vectors = {name: draw.standard_normal((rows, width)).astype(np.float32) for name, width in WIDTHS.items()}
    masks = {name: np.full(rows, name in present) for name in WIDTHS}
    return ModalityBatch(tuple(map(str, range(rows))), vectors, masks)


def cosine(a: Matrix, b: Matrix) -> float:
    return float(a.astype(np.float64) @ b.astype(np.float64))


@pytest.mark.parametrize("asked", [{}, {"lexical": 2.0, "vector": 0.5}])
def test_without_weights_of_modalities_it_is_the_tower_to_the_bit(asked: dict[str, float]) -> None:
    both = batch(3)
    assert (weighted_queries(TOWER, both, [asked] * 3) == TOWER(both)).all()


def test_a_lone_modality_is_the_tower_to_the_bit_whatever_it_weighs() -> None:
    alone = batch(2, present=(TEXT,))
    assert (weighted_queries(TOWER, alone, [{TEXT: 7.0}, {IMAGE: 7.0}]) == TOWER(alone)).all()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 99),
    modality=st.sampled_from((TEXT, IMAGE)),
    named=st.booleans(),
    weights=st.lists(st.floats(1e-6, 1e300), min_size=2, max_size=5).map(sorted),
)
def test_a_larger_weight_turns_the_query_towards_its_modality(
    seed: int, modality: str, named: bool, weights: list[float]
) -> None:
    both = batch(seed=seed)
    other = {TEXT: IMAGE, IMAGE: TEXT}[modality]
    alone = TOWER(both.only(modality))[0]
    asked = [{modality: weight, **({other: 1.0} if named else {})} for weight in weights]
    mixed = [weighted_queries(TOWER, both, [one])[0] for one in asked]
    towards = [cosine(one, alone) for one in mixed]
    assert all(after >= before - 1e-6 for before, after in pairwise(towards))
    assert np.linalg.norm(mixed, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert cosine(weighted_queries(TOWER, both, [{modality: 1e9}])[0], alone) == pytest.approx(1.0, abs=1e-5)


def test_the_sound_of_a_voice_is_left_out_where_all_else_is_named() -> None:
    spoken, silent = batch(present=(TEXT, IMAGE, AUDIO)), batch()
    asked = [{TEXT: 2.0, IMAGE: 1.0}]
    assert weighted_queries(TOWER, spoken, asked) == pytest.approx(
        weighted_queries(TOWER, silent, asked), abs=1e-6
    )


def test_each_row_is_mixed_by_its_own_weights() -> None:
    three = batch(3)
    asked = [{}, {IMAGE: 5.0}, {TEXT: 5.0, IMAGE: 0.1}]
    together = weighted_queries(TOWER, three, asked)
    for row, one in enumerate(asked):
        assert together[row] == pytest.approx(weighted_queries(TOWER, three.take([row]), [one])[0], abs=1e-6)
