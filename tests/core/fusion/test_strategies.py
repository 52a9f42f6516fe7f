"""Every strategy starts as the plain mean of what is present and never looks at what is missing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.fusion.config import STRATEGIES, Strategy
from mmsearch_dagster.core.fusion.strategies import make_strategy, masked_softmax

masks = st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=5)


@given(mask=masks, seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_masked_softmax_shares_one_among_the_present_and_gives_nothing_to_the_rest(
    mask: list[list[bool]], seed: int
) -> None:
    present = torch.tensor(mask)
    logits = torch.randn(present.shape, generator=torch.Generator().manual_seed(seed)) * 50
    weights = masked_softmax(logits, present)
    assert (weights[~present] == 0).all()
    assert torch.allclose(weights.sum(dim=1), present.any(dim=1).to(weights.dtype))


def test_masked_softmax_of_two_equal_logits_is_half_each() -> None:
    weights = masked_softmax(torch.tensor([[2.0, 2.0, 9.0]]), torch.tensor([[True, True, False]]))
    assert weights.tolist() == [[0.5, 0.5, 0.0]]


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(mask=masks, seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=10)
def test_an_untrained_strategy_is_the_mean_of_the_present_modalities(
    strategy: Strategy, mask: list[list[bool]], seed: int
) -> None:
    torch.manual_seed(seed)
    present = torch.tensor(mask)
    h = torch.randn(len(mask), 3, 4) * present.unsqueeze(-1)
    fused = make_strategy(strategy, modalities=3, width=4, hidden=5)(h, present)
    expected = h.sum(dim=1) / present.sum(dim=1, keepdim=True).clamp(min=1)
    assert torch.allclose(fused, expected, atol=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_parameter_that_starts_the_correction_receives_a_gradient(strategy: Strategy) -> None:
    torch.manual_seed(0)
    module = make_strategy(strategy, modalities=2, width=4, hidden=5)
    starters = [parameter for parameter in module.parameters() if not parameter.any()]
    fused = module(torch.randn(6, 2, 4), torch.ones(6, 2, dtype=torch.bool))
    (fused * torch.randn(6, 4)).sum().backward()
    moved = [parameter.grad for parameter in starters]
    assert moved
    assert all(grad is not None and grad.abs().sum() > 0 for grad in moved)
