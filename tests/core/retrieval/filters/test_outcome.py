from collections.abc import Sequence
from typing import Any

import lancedb
import polars as pl
import pytest

from mmsearch_dagster.adapters.index.rows import arrow_table
from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.retrieval.filters.outcome import FilterOutcome, filter_outcome
from tests.catalogue_rows import filtered_rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> PinnedTable:
    store = lancedb.connect(str(tmp_path_factory.mktemp("lance")))
    return PinnedTable(store.create_table("shop", arrow_table(filtered_rows(), {})))


def reason(shop: PinnedTable, text: str) -> str:
    outcome = filter_outcome(text, shop)
    assert outcome is not None
    assert outcome.passing == 0
    return outcome.reason


def test_no_filter_has_no_outcome(shop: PinnedTable) -> None:
    assert filter_outcome(None, shop) is None
    assert filter_outcome("  ", shop) is None


def test_a_filter_that_some_products_pass_needs_no_reason(shop: PinnedTable) -> None:
    assert filter_outcome("price < 50 ", shop) == FilterOutcome("price < 50", 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('category = "Shoes"', '`=` compares the whole path, `category ~ "Shoes"` fits 2'),
        ('category ~ "Shose"', "there is no 'Shose': did you mean 'Shoes'?"),
        ('category = "Clothing > Hat"', "there is no 'Clothing > Hat': did you mean 'Clothing > Hats'?"),
        ('brand = "aero"', 'it is written "Aero"'),
        ('brand in ("BOLT", "aero")', 'it is written "Bolt"; it is written "Aero"'),
        ('brand = "Aeroo"', "there is no 'Aeroo': did you mean 'Aero'?"),
        ("price > 1000", "prices go from 10.00 to 60.00"),
        ('attributes.colour = "red"', "there is no attribute 'colour': did you mean 'color'?"),
        ('attributes.color = "RED"', 'it is written "red"'),
        ("brand is null", "loosen it or leave it out"),
    ],
)
def test_an_empty_answer_says_what_was_probably_meant(shop: PinnedTable, text: str, expected: str) -> None:
    assert reason(shop, text) == expected


def test_of_several_conditions_the_empty_one_is_named(shop: PinnedTable) -> None:
    assert reason(shop, 'price < 50 and brand = "aero" and in_stock') == (
        '`brand = "aero"` fits no product; it is written "Aero"'
    )


def test_conditions_that_exclude_each_other_are_counted_alone(shop: PinnedTable) -> None:
    assert reason(shop, 'brand = "Aero" and category ~ "Hats"') == (
        'each part alone lets some pass (`brand = "Aero"` 2, `category ~ "Hats"` 2), '
        "but no product passes all of them"
    )


def test_a_wrong_filter_is_an_error(shop: PinnedTable) -> None:
    with pytest.raises(QueryError, match="did you mean 'price'"):
        filter_outcome("prise < 5", shop)


def test_the_nearest_of_very_many_names_is_not_looked_for() -> None:
    class Crowd:
        def passing(self, where: str | None) -> int:
            return 0

        def columns(self, names: Sequence[str]) -> pl.DataFrame:
            names_of: dict[str, Any] = {"brand": [f"brand {number}" for number in range(6000)]}
            return pl.DataFrame(names_of)

    outcome = filter_outcome('brand = "brend 1"', Crowd())
    assert outcome is not None
    assert outcome.reason == "loosen it or leave it out"
