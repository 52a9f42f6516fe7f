"""Grades as a sparse matrix, and queries kept apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.fusion.dataset import Judged, grade_matrix, hold_out
from mmsearch_dagster.core.labels.provenance import JUDGED, LOG
from tests.core.fusion.toy import random_batch


def judged(count: int) -> Judged:
    queries = random_batch(count, 1)
    grades = grade_matrix(
        queries.ids, ["x", "y"], {key: {"x": 1 + row % 3} for row, key in enumerate(queries.ids)}
    )
    return Judged(queries, grades, np.array([JUDGED, LOG] * count)[:count])


def test_grades_stand_where_query_and_item_meet() -> None:
    found = grade_matrix(["q1", "q2"], ["a", "b", "c"], {"q2": {"c": 3, "a": 1}, "q1": {"b": 2}})
    assert found.toarray().tolist() == [[0, 2, 0], [1, 0, 3]]
    assert found.dtype == np.float32


def test_unknown_items_unknown_queries_and_grade_zero_are_left_out() -> None:
    found = grade_matrix(["q", "silent"], ["a"], {"q": {"gone": 3, "a": 0}, "other": {"a": 3}})
    assert found.shape == (2, 1)
    assert found.nnz == 0


@given(count=st.integers(0, 40), share=st.floats(0.1, 0.9), seed=st.integers(0, 100))
@settings(deadline=None, max_examples=25)
def test_holding_out_parts_the_queries(count: int, share: float, seed: int) -> None:
    kept, held = hold_out(count, share, seed)
    assert sorted(kept + held) == list(range(count))
    assert len(held) == (round(count * share) if count >= 20 else 0)
    assert hold_out(count, share, seed) == (kept, held)


@pytest.mark.parametrize("rows", [[2, 0], [1]])
def test_taking_queries_takes_their_grades_and_origins_along(rows: list[int]) -> None:
    whole = judged(4)
    part = whole.take(np.array(rows))
    assert part.queries.ids == tuple(whole.queries.ids[row] for row in rows)
    assert part.grades.toarray().tolist() == whole.grades.toarray()[rows].tolist()
    assert part.provenance.tolist() == whole.provenance[rows].tolist()


def test_an_item_of_several_rows_is_one_column() -> None:
    assert grade_matrix(["q"], ["a", "a", "b"], {"q": {"b": 2}}).toarray().tolist() == [[0, 2]]
