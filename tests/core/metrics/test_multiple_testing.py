import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.metrics.multiple_testing import holm


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(0, 7), st.floats(0, 1))
def test_raising_one_p_value_lowers_none_after_the_correction(
    p_values: list[float], row: int, more: float
) -> None:
    row %= len(p_values)
    raised = [min(1.0, p + more) if each == row else p for each, p in enumerate(p_values)]
    assert all(after >= before - 1e-12 for before, after in zip(holm(p_values), holm(raised), strict=True))


def test_holms_correction_of_a_published_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
