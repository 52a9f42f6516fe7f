"""Full-text search from memory finds what LanceDB finds."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.core.errors import QueryError

TEXTS = {
    "a": "Nike t-shirt red red t shirts",
    "b": "the red mug of the house",
    "c": "nikon dcr sr42 dcrsr42 500 ml",
    "d": "男士 运动鞋 red running shoes",
    "e": "",
    "f": "qxzdocumentboundaryzxq crème brûlée mugs",
    "g": "mug",
}
QUERIES = [
    "red mug",
    "t-shirt",
    "shirts shirt red",
    "DCR-SR42",
    "运动鞋",
    "creme brulee",
    "the",
    "",
    "nothing",
]


@pytest.fixture(scope="module", params=[tuple("abcdeg"), tuple("abcdefg")], ids=["plain", "boundary word"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PinnedTable:
    return _published(tmp_path_factory.mktemp("index"), request.param)


def _published(folder: Path, ids: tuple[str, ...]) -> PinnedTable:
    index = SearchIndex(str(folder))
    vectors = np.eye(len(TEXTS), dtype=np.float32)[: len(ids)].tolist()
    rows = {
        "product_id": ids,
        "title": ids,
        "price": [10.0 * (number + 1) for number in range(len(ids))],
        "search_text": [TEXTS[key] for key in ids],
        "vector": vectors,
    }
    index.publish("shop", "r-1", pl.DataFrame(rows, schema_overrides={"vector": pl.Array(pl.Float32, 7)}))
    return index.open("shop", "r-1")


@pytest.mark.parametrize("where", [None, "price < 35"])
def test_memory_and_table_find_the_same_with_the_same_scores(opened: PinnedTable, where: str | None) -> None:
    single = [opened.lexical(text, 9, where=where) for text in QUERIES]

    together = opened.lexical_batch(QUERIES, 9, where=where)

    assert [[hit.product_id for hit in hits] for hits in together] == [
        [hit.product_id for hit in hits] for hits in single
    ]
    assert [hit.score for hits in together for hit in hits] == pytest.approx(
        [hit.score for hits in single for hit in hits], abs=3e-6
    )


def test_from_then_on_a_single_query_is_answered_alike(opened: PinnedTable) -> None:
    together = opened.lexical_batch(QUERIES, 9)

    assert [opened.lexical(text, 9) for text in QUERIES] == together


def test_a_condition_that_sql_refuses_is_the_querys_mistake_in_memory_too(opened: PinnedTable) -> None:
    opened.lexical_batch(QUERIES, 9)

    with pytest.raises(QueryError, match="cannot be applied"):
        opened.lexical("mug", 9, where="nosuchcolumn < 3")
