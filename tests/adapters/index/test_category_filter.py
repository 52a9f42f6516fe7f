"""`category ~`: what LanceDB makes of it, against the definition in Python."""

from collections.abc import Sequence

import lancedb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lancedb.table import Table

from mmsearch_dagster.core.catalog.columns import CATEGORY_SEPARATOR
from mmsearch_dagster.core.retrieval.filters.language import to_where

# Few letters, so that levels are parts of each other; wildcards, quotes, escapes, other scripts.
LETTERS = "aAbé%_'\"\\鞋Σ "
level = st.text(LETTERS, min_size=1, max_size=3).map(str.strip).filter(bool)
path = st.lists(level, min_size=1, max_size=4)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> lancedb.DBConnection:
    return lancedb.connect(str(tmp_path_factory.mktemp("lance")))


def found(store: lancedb.DBConnection, categories: Sequence[str | None], where: str) -> list[int]:
    """Places of the categories that pass, as LanceDB has it."""
    rows = [{"place": place, "category": one} for place, one in enumerate(categories)]
    table: Table = store.create_table("shop", rows, mode="overwrite")
    passed = table.search().where(where).select(["place"]).limit(None).to_list()
    return sorted(row["place"] for row in passed)


def where_of(text: str) -> str:
    where = to_where(text)
    assert where is not None
    return where


def asked(category: str) -> str:
    escaped = category.replace("\\", "\\\\").replace('"', '\\"')
    return where_of(f'category ~ "{escaped}"')


def along(levels: list[str], wanted: list[str]) -> bool:
    """Whether `wanted` is a run of whole levels."""
    levels, wanted = [one.lower() for one in levels], [one.lower() for one in wanted]
    starts = range(len(levels) - len(wanted) + 1)
    return any(levels[start : start + len(wanted)] == wanted for start in starts)


@given(paths=st.lists(path, min_size=1, max_size=12), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_category_is_any_run_of_whole_levels_of_the_path(
    store: lancedb.DBConnection, paths: list[list[str]], data: st.DataObject
) -> None:
    part = data.draw(st.sampled_from(paths))
    start = data.draw(st.integers(0, len(part) - 1))
    wanted = data.draw(path | st.just(part[start : data.draw(st.integers(start + 1, len(part)))]))
    wanted = [one.swapcase() for one in wanted] if data.draw(st.booleans()) else wanted

    places = found(
        store, [CATEGORY_SEPARATOR.join(one) for one in paths], asked(CATEGORY_SEPARATOR.join(wanted))
    )

    assert places == [place for place, one in enumerate(paths) if along(one, wanted)]


@pytest.mark.parametrize(
    ("category", "passes"),
    [
        ("Shoes", True),
        ("shoes > SNEAKERS", True),
        (" Sneakers ", True),
        ("运动 鞋", True),
        ("Shoe", False),
        ("Shoes > ", False),
        ("Clothing > Sneakers", False),
        ("%", False),
        ("Sneaker_", False),
    ],
)
def test_whole_levels_of_one_path(store: lancedb.DBConnection, category: str, passes: bool) -> None:
    categories = ["Clothing > Shoes > Sneakers > 运动 鞋", "Hats", None]
    assert found(store, categories, asked(category)) == ([0] if passes else [])


def test_what_has_no_category_is_neither_in_nor_out(store: lancedb.DBConnection) -> None:
    where = where_of('not category ~ "Shoes"')
    assert found(store, ["Shoes", "Hats", None], where) == [1]


@pytest.mark.parametrize(
    ("category", "places"),
    [
        ("Bags", [0]),
        ("Gear > Bags", [0]),
        ("shop > new", [0, 1]),
        ("Shop", [0, 1]),
        ("Bags > Shop", []),
        ("Bags | Shop", []),
    ],
)
def test_each_path_of_a_product_is_looked_into(
    store: lancedb.DBConnection, category: str, places: list[int]
) -> None:
    paths = ["Shop > Gear > Bags | Shop > New", "Shop > New", "Other > News"]
    assert found(store, paths, asked(category)) == places
