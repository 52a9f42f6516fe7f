"""Vectors are compared where they can be; where not, the table says why."""

import numpy as np
import pytest

from mmsearch_dagster.core.modalities import COLLABORATIVE, IMAGE, TEXT, Matrix, ModalityBatch
from mmsearch_dagster.core.monitoring.embedding_drift import NOT_COMPARED, embedding_drift


def cloud(width: int = 4, seed: int = 1) -> Matrix:
    return (np.eye(1, width) + 0.1 * np.random.default_rng(seed).normal(size=(50, width))).astype(np.float32)


def batch(**vectors: Matrix) -> ModalityBatch:
    """Products with these vectors; a row of zeros is a product without one."""
    return ModalityBatch(
        ids=tuple(map(str, range(50))),
        vectors=vectors,
        present={name: matrix.any(axis=1) for name, matrix in vectors.items()},
    )


def row(before: ModalityBatch, now: ModalityBatch, modality: str, **options: object) -> dict[str, object]:
    table = embedding_drift(before, now, **options)  # type: ignore[arg-type]
    return next(one for one in table.iter_rows(named=True) if one["modality"] == modality)


def test_what_lies_where_it_lay_has_not_moved() -> None:
    table = embedding_drift(batch(text=cloud(), image=cloud(6)), batch(text=cloud(), image=cloud(6)))
    assert table["modality"].to_list() == [TEXT, IMAGE]
    assert table["centroid"].to_list() == [0.0, 0.0]
    assert table[NOT_COMPARED].null_count() == 2


def test_factors_learned_anew_from_the_same_log_are_no_drift() -> None:
    factors = cloud()
    turned = np.ascontiguousarray(factors[:, ::-1])  # the same products, the same products beside them
    found = row(batch(collaborative=factors), batch(collaborative=turned), COLLABORATIVE)
    assert found["centroid"] is None
    assert "axes" in str(found[NOT_COMPARED])


def test_a_modality_whose_width_changed_is_named() -> None:
    found = row(batch(text=cloud(4)), batch(text=cloud(6)), TEXT)
    assert found["centroid"] is None
    assert found[NOT_COMPARED] == "vectors of 4 numbers have become vectors of 6"


def test_vectors_of_another_encoder_of_the_same_width_are_not_compared() -> None:
    found = row(batch(text=cloud()), batch(text=cloud(seed=2)), TEXT, other_encoders={TEXT})
    assert found[NOT_COMPARED] == "another encoder makes them now"


@pytest.mark.parametrize("absent", [{}, {"image": np.zeros((50, 6), np.float32)}])
def test_a_modality_that_came_or_went_is_named(absent: dict[str, Matrix]) -> None:
    alone, both = batch(text=cloud(), **absent), batch(text=cloud(), image=cloud(6))
    assert row(alone, both, IMAGE)[NOT_COMPARED] == "no product had such a vector"
    assert row(both, alone, IMAGE)[NOT_COMPARED] == "no product has such a vector any more"


def test_a_product_counts_once_however_many_pictures_it_has() -> None:
    vectors = cloud()
    single = batch(text=vectors)
    rows = np.repeat(np.arange(50), np.where(np.arange(50) < 5, 20, 1))  # five products with twenty pictures
    expected = pytest.approx(row(single, single, TEXT), abs=0.01, nan_ok=True)
    assert row(single, single.take(rows), TEXT) == expected
