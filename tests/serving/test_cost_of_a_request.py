"""What a request reads does not grow with the shop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmsearch_dagster.adapters.lake.people import RULES, PeopleFiles
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.retrieval.business_rules import BusinessRules
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.explain import explain
from mmsearch_dagster.serving.recommender import Recommender
from tests.small_release import HashedWords, MeanColour, make_release, picture

IN_MEMORY, BY_THE_INDEX = 1_000_000, 1
SMALL, LARGE = 300, 900


class CountingTable:
    """A LanceDB table that counts the rows it hands out."""

    def __init__(self, inner: Any, rows: list[int]) -> None:
        self._inner, self._rows = inner, rows

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            given = found(*args, **kwargs)
            if name == "to_arrow":
                self._rows.append(given.num_rows)
                return given
            is_query = hasattr(given, "to_arrow") and not hasattr(given, "num_rows")
            return CountingTable(given, self._rows) if is_query else given

        return call


def release_of(folder: Path, products: int, exact_rows: int) -> tuple[Recommender, list[int]]:
    """A warm release and the list that the number of rows of each later read is written to."""
    made = make_release(folder / str(products), products=products, text_column=True)
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    engine = Engine.open(made.manifest, made.index_uri, made.model_dir, encoders, exact_rows=exact_rows)
    (folder / RULES).write_text(BusinessRules().model_dump_json())
    engine.warm()
    rows: list[int] = []
    engine.table._table = CountingTable(engine.table._table, rows)
    return Recommender(engine, PeopleFiles(folder)), rows


def unknown(recommender: Recommender) -> None:
    with pytest.raises(QueryError, match="no product"):
        recommender.check_product("p0000")


PHOTO = Query(text="red lamp", image=picture("red"))
REQUESTS: dict[str, Callable[[Recommender], object]] = {
    "search": lambda shop: shop.engine.search(Query(text="red lamp"), k=5),
    "search by a photo": lambda shop: shop.engine.search(Query(image=picture("red")), k=5),
    "similar": lambda shop: shop.similar("p00007", k=5),
    "explain": lambda shop: explain(shop.engine, PHOTO, "p00007"),
    "a product that there is": lambda shop: shop.check_product("p00007"),
    "a product that there is not": unknown,
}


@pytest.fixture(scope="module", params=[IN_MEMORY, BY_THE_INDEX], ids=["in memory", "by the index"])
def shops(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[tuple[Recommender, list[int]], ...]:
    folder = tmp_path_factory.mktemp("shops")
    return tuple(release_of(folder, products, request.param) for products in (SMALL, LARGE))


@pytest.mark.parametrize("name", REQUESTS)
def test_a_warm_request_reads_as_many_rows_of_a_large_shop_as_of_a_small_one(
    shops: tuple[tuple[Recommender, list[int]], ...], name: str
) -> None:
    REQUESTS[name](shops[0][0]), REQUESTS[name](shops[1][0])  # what is kept is read once
    read = []
    for recommender, rows in shops:
        rows.clear()
        REQUESTS[name](recommender)
        read.append(list(rows))
    assert read[0] == read[1]
    assert max(read[1], default=0) < LARGE


def test_the_set_of_all_products_is_made_once(shops: tuple[tuple[Recommender, list[int]], ...]) -> None:
    table = shops[0][0].engine.table
    assert table.product_ids is table.product_ids


def test_a_version_that_lancedb_compares_is_never_read_into_memory(tmp_path: Path) -> None:
    recommender, rows = release_of(tmp_path, SMALL, BY_THE_INDEX)
    for request in REQUESTS.values():
        request(recommender)
    # Ids alone are read whole, once.
    assert rows.count(SMALL) <= 1
    assert max(rows) <= SMALL
