"""The three losses against numbers that can be worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from mmsearch_dagster.core.fusion.config import LOSSES, Loss, TrainParams
from mmsearch_dagster.core.fusion.losses import contrastive, cosine, gains, loss_of, triplet

PARAMS = TrainParams(margin=0.15)
ONE = torch.tensor(1.0)


def every(grades: Tensor) -> Tensor:
    return torch.ones_like(grades, dtype=torch.bool)


def test_gains_are_two_to_the_grade_less_one() -> None:
    assert gains(torch.tensor([0.0, 1.0, 2.0, 3.0])).tolist() == [0.0, 1.0, 3.0, 7.0]


def test_contrastive_with_one_positive_is_the_log_of_its_softmax_share() -> None:
    similarity, grades = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 0.0]])
    found = contrastive(similarity, grades, every(grades), PARAMS, torch.tensor(2.0))
    assert float(found) == pytest.approx(-math.log(math.exp(2) / (math.exp(2) + 1)), rel=1e-5)


def test_contrastive_weighs_positives_by_gain() -> None:
    similarity, grades = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 1.0]])
    share = math.e / (math.e + 1)
    found = contrastive(similarity, grades, every(grades), PARAMS, ONE)
    assert float(found) == pytest.approx(-0.75 * math.log(share) - 0.25 * math.log(1 - share), rel=1e-5)


def test_triplet_is_the_gap_to_the_hardest_negative_plus_a_margin_by_grade() -> None:
    similarity, grades = torch.tensor([[0.5, 0.6, 0.1]]), torch.tensor([[3.0, 0.0, 0.0]])
    assert float(triplet(similarity, grades, every(grades), PARAMS, ONE)) == pytest.approx(0.25)
    weaker = torch.tensor([[1.0, 0.0, 0.0]])
    assert float(triplet(similarity, weaker, every(grades), PARAMS, ONE)) == pytest.approx(0.15)


def test_triplet_is_zero_once_the_margin_is_kept() -> None:
    similarity, grades = torch.tensor([[0.9, 0.5, 0.1]]), torch.tensor([[3.0, 1.0, 0.0]])
    assert float(triplet(similarity, grades, every(grades), PARAMS, ONE)) == 0.0


def test_cosine_pulls_by_gain_and_pushes_what_is_above_zero() -> None:
    similarity, grades = torch.tensor([[0.5, 0.4, -0.9]]), torch.tensor([[3.0, 0.0, 0.0]])
    found = float(cosine(similarity, grades, every(grades), PARAMS, ONE))
    assert found == pytest.approx(0.5 + 4 * 0.16, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_an_unusable_item_says_nothing(name: Loss) -> None:
    grades = torch.tensor([[3.0, 0.0, 0.0]])
    usable = torch.tensor([[True, True, False]])
    losses = {
        float(loss_of(name, torch.tensor([[0.4, 0.3, twin]]), grades, usable, params=PARAMS, scale=ONE))
        for twin in (-1.0, 0.0, 0.99)
    }
    assert len(losses) == 1


@pytest.mark.parametrize("name", LOSSES)
def test_a_query_without_a_positive_is_left_out(name: Loss) -> None:
    similarity = torch.tensor([[0.4, 0.3], [0.9, 0.8]])
    grades = torch.tensor([[3.0, 0.0], [0.0, 0.0]])
    both = loss_of(name, similarity, grades, every(grades), params=PARAMS, scale=ONE)
    alone = loss_of(name, similarity[:1], grades[:1], every(grades[:1]), params=PARAMS, scale=ONE)
    assert float(both) == pytest.approx(float(alone))


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_raises_the_positive_and_lowers_the_hardest_negative(name: Loss) -> None:
    similarity = torch.tensor([[0.3, 0.5, 0.1]], requires_grad=True)
    grades = torch.tensor([[3.0, 0.0, 0.0]])
    loss_of(name, similarity, grades, every(grades), params=PARAMS, scale=ONE).backward()
    assert similarity.grad is not None
    assert similarity.grad[0, 0] < 0 < similarity.grad[0, 1]
