"""The untrained model already makes sense."""

import numpy as np
import pytest

from mmsearch_dagster.core.evaluation.judged_queries import by_encoder, by_model
from mmsearch_dagster.core.fusion.config import STRATEGIES, FusionSpec, Strategy
from mmsearch_dagster.core.fusion.initialization import initialise
from mmsearch_dagster.core.fusion.model import TwoTower
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch
from tests.core.fusion.toy import WIDTHS, random_batch


def started(items: ModalityBatch, strategy: Strategy = "concat", width: int = 12) -> TwoTower:
    spec = FusionSpec(
        strategy=strategy, item_widths=items.widths, query_widths=items.widths, width=width, hidden=4
    )
    model = TwoTower(spec)
    initialise(model, items)
    return model


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_words_alone_rank_exactly_as_the_raw_encoder_does(strategy: Strategy) -> None:
    items, queries = random_batch(50, 1).only(TEXT), random_batch(20, 2).only(TEXT)
    model = started(items, strategy)
    assert by_model(model, queries, items, 50) == by_encoder(TEXT, queries, items, 50)


def test_words_keep_their_own_coordinates() -> None:
    items = random_batch(40, 1)
    unit = items.vectors[TEXT] / np.linalg.norm(items.vectors[TEXT], axis=1, keepdims=True)
    found = started(items).items(items.only(TEXT))
    np.testing.assert_allclose(found[:, : WIDTHS[TEXT]], unit, atol=1e-6)
    assert not found[:, WIDTHS[TEXT] :].any()


def test_a_picture_finds_itself_by_looks() -> None:
    items = random_batch(40, 3)
    model = started(items)
    found = by_model(model, items.only(IMAGE), items.only(IMAGE), 1)
    assert found == {key: [key] for key in items.ids}


def test_a_picture_reaches_the_words_that_the_catalogue_pairs_it_with() -> None:
    rng = np.random.default_rng(5)
    words = rng.normal(size=(60, 6)).astype(np.float32)
    looks = (words @ rng.normal(size=(6, 8))).astype(np.float32)
    present = {TEXT: np.ones(60, bool), IMAGE: np.ones(60, bool)}
    items = ModalityBatch(tuple(str(n) for n in range(60)), {TEXT: words, IMAGE: looks}, present)
    model = started(items, width=20)
    found = by_model(model, items.only(IMAGE), items.only(TEXT), 1)
    assert np.mean([found[key] == [key] for key in items.ids]) > 0.8


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("width", [3, 6, 12])
def test_hardly_anything_present_or_a_narrow_space_still_gives_finite_vectors(
    share: float, width: int
) -> None:
    items = random_batch(40, 7, share=share)
    assert np.isfinite(started(items, width=width).items(random_batch(5, 8))).all()


def test_principal_directions_for_which_there_is_no_room_are_not_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items = random_batch(60, 11)
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: pytest.fail("an eigendecomposition takes seconds"))
    assert np.isfinite(started(items, width=WIDTHS[TEXT]).items(items)).all()


def test_without_words_the_commonest_modality_is_the_anchor() -> None:
    items = random_batch(40, 9, widths={IMAGE: 5})
    norms = np.linalg.norm(started(items).items(items), axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-5)
