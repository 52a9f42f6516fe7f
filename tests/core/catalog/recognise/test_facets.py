"""Columns of a few short values, such as colours."""

import pytest

from mmsearch_dagster.core.catalog.recognise.facets import is_facet


@pytest.mark.parametrize(
    "values",
    [
        ["red", "blue", "red", "green"] * 5,
        ["G13", "E27", "G13", "GU10"] * 5,
        ["红色", "蓝色", "红色"] * 5,
    ],
)
def test_short_values_that_stand_in_many_rows_are_kinds(values: list[str]) -> None:
    assert is_facet(values)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["red"] * 20, id="one value says nothing"),
        pytest.param(["red", "blue"], id="too few rows to tell"),
        pytest.param([f"Mug {number}" for number in range(20)], id="names"),
        pytest.param(["12", "19", "7"] * 5, id="numbers"),
        pytest.param(["yes", "no"] * 5, id="yes and no"),
        pytest.param(["https://a.example", "https://b.example"] * 5, id="addresses"),
        pytest.param(["img/a.jpg", "img/b.jpg"] * 5, id="files"),
        pytest.param(["2024-01-05 10:00", "2024-01-06 11:00"] * 5, id="times"),
        pytest.param(["A sentence that goes on for a while", "And a second of its kind"] * 5, id="text"),
    ],
)
def test_other_columns_are_none(values: list[str]) -> None:
    assert not is_facet(values)
