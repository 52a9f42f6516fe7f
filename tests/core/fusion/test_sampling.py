"""The draws of a training step are fair."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.fusion.config import TrainParams
from mmsearch_dagster.core.fusion.sampling import (
    VIEWS,
    best_view,
    hide_some,
    query_chances,
    sample_pool,
    sample_views,
)
from mmsearch_dagster.core.labels.provenance import CATALOGUE, JUDGED, LOG
from tests.core.fusion.toy import judged, random_batch


@given(provenances=st.lists(st.sampled_from([JUDGED, LOG, CATALOGUE, "unheard of"]), min_size=1, max_size=20))
@settings(deadline=None, max_examples=25)
def test_query_chances_are_a_distribution_in_which_everyone_can_be_drawn(provenances: list[str]) -> None:
    chance = query_chances(judged(provenances))
    assert chance.sum() == pytest.approx(1)
    assert (chance > 0).all()
    for provenance in set(provenances):
        assert len(set(chance[np.array(provenances) == provenance].round(12))) == 1


def test_one_judged_query_is_drawn_as_often_as_its_provenance_deserves() -> None:
    chance = query_chances(judged([JUDGED] + [LOG] * 9))
    assert chance[0] == pytest.approx(0.98 * 0.5 / 0.65 + 0.002)


@given(pool=st.integers(2, 40), positives=st.integers(1, 5), seed=st.integers(0, 500))
@settings(deadline=None, max_examples=40)
def test_a_pool_holds_a_positive_of_every_query_and_strangers(pool: int, positives: int, seed: int) -> None:
    asked = judged([JUDGED] * 4, seed=seed)
    found = sample_pool(asked, TrainParams(pool=pool, positives=positives), np.random.default_rng(seed))
    assert found.tolist() == sorted(set(found.tolist()))
    assert set(found.tolist()) <= set(range(30))
    if pool >= 30:
        assert len(found) == 30
    for row in asked.grades.toarray():
        if row.any():
            assert row[found].any()


@given(share=st.floats(0, 0.99), seed=st.integers(0, 500))
@settings(deadline=None, max_examples=30)
def test_hiding_never_invents_a_modality_nor_takes_the_last_one(share: float, seed: int) -> None:
    batch = random_batch(8, seed, share=0.6)
    before = {name: torch.from_numpy(mask) for name, mask in batch.present.items()}
    after = hide_some(before, share, np.random.default_rng(seed))
    assert set(after) == set(before)
    assert all((~before[name] & after[name]).sum() == 0 for name in before)
    had, has = (torch.stack(list(masks.values())).any(dim=0) for masks in (before, after))
    assert torch.equal(had, has)


def test_hiding_hides_about_as_many_as_asked() -> None:
    seen = {name: torch.ones(2000, dtype=torch.bool) for name in ("text", "image")}
    left = hide_some(seen, 0.3, np.random.default_rng(1))["text"].float().mean()
    # A row of two loses both with the chance 0.09 and then keeps both.
    assert float(left) == pytest.approx(0.79, abs=0.03)


@given(counts=st.lists(st.integers(1, 9), min_size=1, max_size=12), seed=st.integers(0, 500))
@settings(deadline=None, max_examples=40)
def test_of_each_item_some_pictures_are_drawn_and_never_another_items(counts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    pool = np.flatnonzero(rng.random(len(counts)) < 0.7)
    if not len(pool):
        return

    rows, first = sample_views(starts, len(owner), pool, rng)

    parts = np.split(rows, first[1:])
    assert [len(part) for part in parts] == [min(VIEWS, counts[item]) for item in pool]
    for item, part in zip(pool, parts, strict=True):
        assert set(owner[part]) == {item}
        assert len(set(part)) == len(part)


def test_items_of_one_picture_cost_no_chance() -> None:
    rng = np.random.default_rng(1)
    rows, starts = sample_views(np.arange(5), 5, np.array([1, 4]), rng)
    assert (rows.tolist(), starts.tolist()) == ([1, 4], [0, 1])
    assert rng.random() == np.random.default_rng(1).random()


def test_the_nearest_picture_of_an_item_counts_and_learns() -> None:
    similarity = torch.tensor([[0.1, 0.9, 0.3], [0.5, 0.2, -0.4]], requires_grad=True)
    best = best_view(similarity, np.array([0, 2]))
    assert best.tolist() == [[pytest.approx(0.9), pytest.approx(0.3)], [0.5, pytest.approx(-0.4)]]
    best.sum().backward()
    assert similarity.grad is not None
    assert similarity.grad.tolist() == [[0, 1, 1], [1, 0, 1]]
