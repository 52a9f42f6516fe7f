"""Every example of docs/filters.md, on the four products of that page."""

import re

import lancedb
import pytest

from mmsearch_dagster.adapters.index.rows import arrow_table
from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.retrieval.filters.language import FILTER_COLUMNS, to_where
from mmsearch_dagster.core.retrieval.filters.outcome import filter_outcome
from tests.catalogue_rows import filtered_rows
from tests.docs.fences import ROOT

PAGE = (ROOT / "docs/filters.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `(?P<filter>[^`]+)` \| (?P<expected>.+?) \|", re.MULTILINE)


def rows(header: str, number: int = 0) -> list[tuple[str, str]]:
    """Filter and second cell of the table that begins with this line; number: which of those tables."""
    table = PAGE.split(f"{header}\n")[1 + number].split("\n\n")[0]
    return [(match["filter"], match["expected"]) for match in _ROW.finditer(table)]


PASSING = rows("| filter | lets pass | because |")
WRONG = rows("| filter | the message says |")
EMPTY = rows("| filter | the message says |", 1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> PinnedTable:
    store = lancedb.connect(str(tmp_path_factory.mktemp("lance")))
    return PinnedTable(store.create_table("shop", arrow_table(filtered_rows(), {})))


def test_the_page_has_examples() -> None:
    assert (len(PASSING), len(WRONG), len(EMPTY)) == (20, 9, 6)


@pytest.mark.parametrize(("text", "expected"), PASSING)
def test_a_filter_lets_the_products_pass_that_the_page_names(
    shop: PinnedTable, text: str, expected: str
) -> None:
    passed = shop._table.search().where(to_where(text)).select(["product_id"]).limit(None).to_list()

    assert sorted(row["product_id"] for row in passed) == expected.split(", ")


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_a_wrong_filter_is_answered_as_the_page_says(text: str, expected: str) -> None:
    with pytest.raises(QueryError, match=re.escape(expected)):
        to_where(text)


@pytest.mark.parametrize(("text", "expected"), EMPTY)
def test_a_filter_that_nothing_passes_is_answered_as_the_page_says(
    shop: PinnedTable, text: str, expected: str
) -> None:
    outcome = filter_outcome(text, shop)

    assert outcome is not None
    assert outcome.passing == 0
    assert expected in outcome.reason


def test_the_page_names_every_column_that_can_be_filtered() -> None:
    examples = dict(rows("| column | kind | an example |"))

    assert set(examples) == {*FILTER_COLUMNS, "attributes.NAME"}
    assert {name: kind for name, kind in examples.items() if name in FILTER_COLUMNS} == FILTER_COLUMNS
    for example in re.findall(r"\| (?:text|number|yes/no) \| `([^`]+)` \|", PAGE):
        assert to_where(example)
