"""The score of a product for a vector, checked against its definition."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval import nearest
from mmsearch_dagster.core.retrieval.nearest import ProductVectors, recall_against_exact


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(nearest).failed == 0


def cosine(query: Matrix, vector: Matrix) -> float:
    wide = query.astype(np.float64), vector.astype(np.float64)
    return float(wide[0] @ wide[1] / (np.linalg.norm(wide[0]) * np.linalg.norm(wide[1])))


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 40),
    products=st.integers(1, 20),
    k=st.integers(1, 50),
    norms=st.sampled_from([(1.0, 1.0), (1e-3, 1e3), (9.7, 19.0)]),
)
def test_the_best_cosine_of_a_products_vectors_counts_whatever_their_norms(
    seed: int, rows: int, products: int, k: int, norms: tuple[float, float]
) -> None:
    generator = np.random.default_rng(seed)
    ids = [f"p{n:02d}" for n in generator.integers(0, products, rows)]
    # Few different directions, so that ties are common; some rows of zeros, which are no vectors.
    vectors = generator.integers(-1, 2, (rows, 3)) * generator.uniform(*norms, (rows, 1))
    vectors = vectors.astype(np.float32)
    queries = (generator.integers(-1, 2, (4, 3)) * generator.uniform(*norms, (4, 1))).astype(np.float32)

    answers = list(ProductVectors.of(ids, vectors).nearest(queries, k))

    for query, answer in zip(queries, answers, strict=True):
        best: dict[str, float] = {}
        for key, vector in zip(ids, vectors, strict=True):
            if query.any() and vector.any():
                best[key] = max(best.get(key, -2.0), cosine(query, vector))
        highest = sorted(best.values(), reverse=True)[:k]
        # Scores that differ by less than single precision shows may stand in either order.
        assert [score for _, score in answer] == pytest.approx(highest, abs=2e-6)
        assert [score for _, score in answer] == pytest.approx([best[key] for key, _ in answer], abs=2e-6)
        assert answer == sorted(answer, key=lambda pair: (-pair[1], pair[0]))
        assert len({key for key, _ in answer}) == len(answer)


def test_hand_computed_scores() -> None:
    vectors = np.array([[3, 4], [0, 9], [5, 0], [0, 0]], np.float32)
    found = ProductVectors.of(["two", "one", "two", "none"], vectors)
    assert list(found.nearest(np.array([[0.5, 0.0], [0.0, 0.0]], np.float32), 9)) == [
        [("two", 1.0), ("one", 0.0)],
        [],
    ]
    assert list(found.nearest(np.array([[0.0, 2.0]], np.float32), 1)) == [[("one", 1.0)]]


def test_blocks_of_queries_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    ids = [f"p{n % 17}" for n in range(30)]
    found = ProductVectors.of(ids, generator.standard_normal((30, 8)).astype(np.float32))
    queries = generator.standard_normal((7, 8)).astype(np.float32)
    whole = list(found.nearest(queries, 5))
    monkeypatch.setattr(nearest, "_BLOCK_SCORES", 60)
    assert list(found.nearest(queries, 5)) == whole


def test_recall_counts_true_neighbours_and_any_that_tie() -> None:
    assert recall_against_exact([["a", "b"], ["x", "y"]], [["a", "b"], ["a", "x"]], k=2) == 0.75
    assert recall_against_exact([["a", "c"]], [["a", "b", "c"]], k=2) == 1.0
    assert recall_against_exact([[]], [["a"]], k=10) == 0.0
    assert recall_against_exact([["a"]], [["a"]], k=10) == 1.0
    assert recall_against_exact([], [], k=10) == 1.0


@pytest.mark.parametrize("together", [2, 5, 12, 13, 40])
def test_queries_that_come_together_are_answered_as_alone(together: int) -> None:
    rng = np.random.default_rng(3)
    products = ProductVectors.of(
        [f"p{row}" for row in range(700)], rng.standard_normal((700, 24)).astype(np.float32)
    )
    queries = rng.standard_normal((together, 24)).astype(np.float32)

    alone = [next(products.nearest(query[None], 20)) for query in queries]

    assert list(products.nearest(queries, 20)) == alone
