"""A first look in 8 bits: its bound holds, and the answers are those without it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.adapters.models.int8_product import int8_product, int8_scan
from mmsearch_dagster.core.retrieval.int8_scan import QUERY_ZERO, Int8Rows
from mmsearch_dagster.core.retrieval.nearest import ProductVectors, unit_rows


def test_products_of_bytes_are_exact_at_their_extremes() -> None:
    values = np.array([[127] * 64, [-127] * 64, [0] * 64], dtype=np.int8)
    product = int8_product(Int8Rows(values, np.array([1.0, 2.0, 1.0], dtype=np.float32), 0.0))

    highest, lowest = (np.full((1, 64), code, dtype=np.uint8) for code in (2 * QUERY_ZERO, 0))

    whole = 64 * 63 * 127
    assert product(highest).tolist() == [[whole, -2.0 * whole, 0.0]]
    assert product(lowest).tolist() == [[-whole, 2.0 * whole, 0.0]]


@pytest.mark.parametrize("width", [3, 384, 1280])
def test_no_score_is_further_from_the_true_one_than_its_bound(width: int) -> None:
    generator = np.random.default_rng(width)
    rows = unit_rows(generator.standard_normal((500, width)) ** 3)
    queries = unit_rows(np.vstack([generator.standard_normal((6, width)) ** 3, rows[:2], np.zeros(width)]))

    scores, errors = int8_scan(rows).scores(queries)

    wrong = np.abs(scores - queries.astype(np.float64) @ rows.T.astype(np.float64)).max(axis=1)
    assert (wrong <= errors).all()
    assert errors.max() < 0.06


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 60),
    products=st.integers(1, 40),
    k=st.integers(1, 80),
    width=st.sampled_from([2, 3, 48]),
)
def test_answers_are_the_same_with_a_first_look_in_8_bits(
    seed: int, rows: int, products: int, k: int, width: int
) -> None:
    generator = np.random.default_rng(seed)
    ids = [f"p{n:02d}" for n in generator.integers(0, products, rows)]
    # Few different directions, so that ties are common; some rows of zeros, which are no vectors.
    vectors = generator.integers(-1, 2, (rows, width)).astype(np.float32)
    vectors[0] = 1.0
    compared = ProductVectors.of(ids, vectors)
    queries = np.vstack([generator.standard_normal((3, width)), vectors[:2], np.zeros((1, width))]).astype(
        np.float32
    )

    first_look = replace(compared, scan=int8_scan(compared.unit_vectors))

    assert list(first_look.nearest(queries, k)) == list(compared.nearest(queries, k))


def test_nearly_equal_vectors_keep_their_order() -> None:
    generator = np.random.default_rng(5)
    centre = generator.standard_normal((1, 384))
    vectors = (centre + 1e-4 * generator.standard_normal((3000, 384))).astype(np.float32)
    compared = ProductVectors.of([f"p{n:04d}" for n in range(3000)], vectors)

    first_look = replace(compared, scan=int8_scan(compared.unit_vectors))

    assert list(first_look.nearest(vectors[:4], 100)) == list(compared.nearest(vectors[:4], 100))
