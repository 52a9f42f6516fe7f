"""Two towers: unit vectors from any subset of modalities, blind to what is missing, saved and found again."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.fusion.config import STRATEGIES, Strategy
from mmsearch_dagster.core.fusion.model import TwoTower, load_model, save_model
from mmsearch_dagster.core.fusion.towers import SPEC_FILE, WEIGHTS_FILE, weights_sha256
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch
from tests.core.fusion.toy import random_batch, small_spec

seeds = st.integers(0, 2**16)


def moved_model(strategy: Strategy = "concat") -> TwoTower:
    """A model whose corrections are no longer zero, as after training."""
    model = TwoTower(small_spec(strategy))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


MOVED = {strategy: moved_model(strategy) for strategy in STRATEGIES}


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(seed=seeds, garbage=st.floats(width=32))
@example(seed=1, garbage=float("nan"))
@example(seed=1, garbage=3e38)
@settings(deadline=None, max_examples=15)
def test_what_a_masked_row_holds_never_changes_a_vector(
    strategy: Strategy, seed: int, garbage: float
) -> None:
    batch = random_batch(6, seed, share=0.5)
    dirty = {name: np.where(batch.present[name][:, None], x, garbage) for name, x in batch.vectors.items()}
    soiled = ModalityBatch(batch.ids, {n: x.astype(np.float32) for n, x in dirty.items()}, batch.present)
    np.testing.assert_array_equal(MOVED[strategy].items(soiled), MOVED[strategy].items(batch))
    np.testing.assert_array_equal(MOVED[strategy].queries(soiled), MOVED[strategy].queries(batch))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_row_with_nothing_present_is_zero_whatever_was_learned(strategy: Strategy) -> None:
    nothing = random_batch(3, 1, share=0.0)
    assert not MOVED[strategy].items(nothing).any()
    assert not MOVED[strategy].queries(nothing).any()


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(seed=seeds, share=st.floats(0.1, 1))
@settings(deadline=None, max_examples=10)
def test_whatever_is_present_gives_a_unit_vector(strategy: Strategy, seed: int, share: float) -> None:
    batch = random_batch(7, seed, share=share)
    norms = np.linalg.norm(MOVED[strategy].items(batch), axis=1)
    seen = batch.present[TEXT] | batch.present[IMAGE]
    np.testing.assert_allclose(norms[seen], 1, atol=1e-5)
    assert np.isfinite(norms).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_modality_that_the_batch_lacks_counts_as_missing(strategy: Strategy) -> None:
    batch = random_batch(5, 2)
    words = ModalityBatch(batch.ids, {TEXT: batch.vectors[TEXT]}, {TEXT: batch.present[TEXT]})
    np.testing.assert_array_equal(MOVED[strategy].items(words), MOVED[strategy].items(batch.only(TEXT)))


def test_a_row_has_one_vector_whatever_stands_beside_it() -> None:
    batch = random_batch(9, 4, share=0.7)
    whole = MOVED["attention"].items(batch)
    np.testing.assert_allclose(MOVED["attention"].items(batch.take([7, 2])), whole[[7, 2]], atol=1e-6)


def test_an_empty_batch_gives_no_rows() -> None:
    assert MOVED["concat"].items(random_batch(0, 0)).shape == (0, 8)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_saved_model_is_found_again_bit_for_bit(strategy: Strategy, tmp_path: Path) -> None:
    folder = tmp_path / "模型 1"
    digest = save_model(MOVED[strategy], folder)
    loaded, batch = load_model(folder), random_batch(5, 6, share=0.6)
    assert digest == weights_sha256(folder) == save_model(loaded, tmp_path / "again")
    assert loaded.spec == MOVED[strategy].spec
    np.testing.assert_array_equal(loaded.items(batch), MOVED[strategy].items(batch))
    np.testing.assert_array_equal(loaded.queries(batch), MOVED[strategy].queries(batch))


def test_the_seed_alone_decides_the_first_weights(tmp_path: Path) -> None:
    spec = small_spec()
    first, same = (save_model(TwoTower(spec), tmp_path / name) for name in ("a", "b"))
    other = save_model(TwoTower(spec.model_copy(update={"seed": 8})), tmp_path / "c")
    assert first == same != other


@pytest.mark.parametrize("file", [WEIGHTS_FILE, SPEC_FILE])
@pytest.mark.parametrize("content", [None, b"", b"\xff\x00 no such thing", b"[]", b'{"strategy": "concat"}'])
def test_missing_or_damaged_files_are_a_mismatch(file: str, content: bytes | None, tmp_path: Path) -> None:
    save_model(MOVED["concat"], tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ReleaseMismatchError, match=r"cannot be loaded: .*; put the files back"):
        load_model(tmp_path)


@given(share=st.floats(0, 0.999))
@settings(deadline=None, max_examples=10)
def test_a_cut_off_weights_file_is_a_mismatch(share: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cut")
    save_model(MOVED["weighted"], folder)
    whole = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ReleaseMismatchError):
        load_model(folder)


def test_weights_of_another_strategy_are_a_mismatch(tmp_path: Path) -> None:
    save_model(MOVED["concat"], tmp_path)
    (tmp_path / SPEC_FILE).write_text(small_spec("hadamard").model_dump_json(), encoding="utf-8")
    with pytest.raises(ReleaseMismatchError):
        load_model(tmp_path)
