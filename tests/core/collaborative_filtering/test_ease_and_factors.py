"""EASE by hand, its factors, ALS and BPR: the same input gives the same bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from mmsearch_dagster.core.collaborative_filtering.cold_start import session_scores
from mmsearch_dagster.core.collaborative_filtering.ease import TooManyItemsError, check_fits, ease_weights
from mmsearch_dagster.core.collaborative_filtering.factors import factors_of_weights
from mmsearch_dagster.core.collaborative_filtering.interactions import Interactions
from mmsearch_dagster.core.collaborative_filtering.models import ModelParams, factorise, fit, popularity

# Two tastes: items 0 to 2, and items 3 to 5.
_TASTE = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]], dtype=np.float32)
TASTES = np.kron(np.eye(2, dtype=np.float32), _TASTE)
KNOWN = Interactions(tuple("abcdefgh"), tuple("012345"), csr_matrix(TASTES))


def test_three_items_agree_with_the_inverse_of_the_paper() -> None:
    x = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1], [1, 0, 0]], dtype=np.float64)
    inverse = np.linalg.inv(x.T @ x + 2.0 * np.eye(3))
    by_hand = np.array(
        [[0.0 if i == j else -inverse[i, j] / inverse[j, j] for j in range(3)] for i in range(3)]
    )

    np.testing.assert_allclose(ease_weights(csr_matrix(x.astype(np.float32)), 2.0), by_hand, atol=1e-6)


@given(st.permutations(range(8)))
def test_the_order_of_the_users_changes_nothing(order: list[int]) -> None:
    np.testing.assert_allclose(
        ease_weights(csr_matrix(TASTES[order]), 3.0), ease_weights(csr_matrix(TASTES), 3.0), atol=1e-6
    )


def test_too_many_items_are_refused_in_one_sentence() -> None:
    check_fits(100, memory_limit=40_000)
    with pytest.raises(TooManyItemsError, match="use ALS"):
        check_fits(101, memory_limit=40_000)


def test_factors_are_the_nearest_matrix_of_their_rank() -> None:
    weights = ease_weights(csr_matrix(TASTES), 3.0)
    found = factors_of_weights(KNOWN, weights, 5)

    strength = np.linalg.svd(weights.astype(np.float64), compute_uv=False)
    assert found.items.shape == (6, 5)
    missed = np.linalg.norm(weights - found.fold_in @ found.items.T)
    assert missed == pytest.approx(strength[-1], abs=1e-4)  # no matrix of rank 5 is nearer
    np.testing.assert_allclose(found.users, TASTES @ found.fold_in, atol=1e-5)


@pytest.mark.parametrize("kind", ["ease-svd", "als", "bpr"])
def test_factors_know_the_two_tastes_and_repeat_to_the_byte(kind: str) -> None:
    params = ModelParams.model_validate(
        {"kind": kind, "factors": 2, "l2": 1.0, "alpha": 5.0, "iterations": 300 if kind == "bpr" else 15}
    )
    first, second = factorise(KNOWN, params), factorise(KNOWN, params)

    assert first.items.tobytes() == second.items.tobytes()
    assert first.users.tobytes() == second.users.tobytes()
    scores = first.scores(first.users)
    assert scores[:4, :3].mean() > scores[:4, 3:].mean() + 0.1
    assert scores[4:, 3:].mean() > scores[4:, :3].mean() + 0.1


def test_popularity_is_the_same_for_everyone() -> None:
    scores = fit(KNOWN, ModelParams(kind="popularity")).scores(np.array([0, 5]))

    assert scores.tolist() == [[3.0] * 6, [3.0] * 6]


def test_one_item_or_none_has_no_factors() -> None:
    lone = Interactions(("u",), ("p",), csr_matrix(np.ones((1, 1), np.float32)))
    nothing = Interactions((), (), csr_matrix((0, 0), dtype=np.float32))

    assert factorise(lone, ModelParams(kind="ease-svd")).item_ids == ()
    assert factorise(nothing, ModelParams(kind="als")).item_ids == ()


def test_items_that_nobody_chose_together_have_no_factors() -> None:
    apart = Interactions(("u", "v"), ("p", "q"), csr_matrix(np.eye(2, dtype=np.float32)))

    assert factorise(apart, ModelParams(kind="ease-svd")).item_ids == ()


def test_a_session_leads_to_its_like_and_popularity_leads_without_one() -> None:
    factors = factorise(KNOWN, ModelParams(kind="ease-svd", factors=2, l2=1.0))
    popular = popularity(KNOWN.matrix)

    scores = session_scores(factors.items, popular, [4, 4])
    assert scores[4] == -np.inf
    assert min(scores[3], scores[5]) > scores[:3].max()
    assert session_scores(factors.items, popular, []).tolist() == [1.0] * 6
