import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.retrieval.diversity import marginal_relevance

NEAR = np.array([[1, 0], [1, 0.01], [0, 1]], np.float32)


def test_a_near_copy_gives_way_to_something_else() -> None:
    scores = np.array([1.0, 0.9, 0.5])
    assert marginal_relevance(scores, NEAR, 3, 1.0) == [0, 1, 2]
    # Second place: the copy is worth .5 * .8 - .5 * 1, the other product .5 * 0 - .5 * 0.
    assert marginal_relevance(scores, NEAR, 3, 0.5) == [0, 2, 1]


def test_products_without_a_vector_repeat_nothing() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 0]], np.float32)
    assert marginal_relevance(np.array([1.0, 0.9, 0.8]), vectors, 2, 0.5) == [0, 2]


def test_a_trade_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(QueryError, match=r"not 1\.5"):
        marginal_relevance(np.ones(3), NEAR, 2, 1.5)
    assert marginal_relevance(np.ones(0), NEAR[:0], 2, 0.5) == []


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(0, 15), st.sampled_from([0, 0.3, 1]))
def test_every_row_at_most_once(scores: list[int], k: int, trade: float) -> None:
    vectors = np.random.default_rng(len(scores)).normal(size=(len(scores), 3)).astype(np.float32)
    chosen = marginal_relevance(np.array(scores, float), vectors, k, trade)
    assert len(chosen) == len(set(chosen)) == min(k, len(scores))
    if trade == 1:
        assert chosen == np.argsort(-np.array(scores), kind="stable")[:k].tolist()
