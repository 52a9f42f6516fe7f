"""The parts of the measurements that need no released home."""

import csv
import re
from pathlib import Path

import pytest

from mmsearch_dagster.core.evaluation.judged_queries import score
from mmsearch_dagster.core.metrics.bootstrap import Difference
from mmsearch_dagster.demo_shop.catalogue import Item, make_items
from mmsearch_dagster.demo_shop.spec import StoreSpec, parse_spec
from mmsearch_dagster.settings import assets_folder
from tests.bench.against_bm25 import PlainBm25, ratio_interval, tuned
from tests.bench.leave_one_out import Outcome, shop_without
from tests.bench.typed_queries import typed_queries, write_shop
from tests.bench.unseen_queries import KindResult, unseen_queries

TEXTS = {"lamp": "a red desk lamp", "mug": "a red mug", "kite": "a kite for windy beaches"}


@pytest.fixture(scope="module")
def store() -> tuple[StoreSpec, tuple[Item, ...]]:
    file = assets_folder() / "sample" / "store.yaml"
    spec = parse_spec(file.read_text(encoding="utf-8"), str(file))
    return spec, make_items(spec, 120)


def test_typed_queries_are_the_same_for_a_seed_and_have_an_answer(
    store: tuple[StoreSpec, tuple[Item, ...]],
) -> None:
    queries = typed_queries(*store, 200, seed=7)

    assert queries == typed_queries(*store, 200, seed=7)
    assert len({query.text.casefold() for query in queries}) == 200
    assert all(query.grades for query in queries)
    assert {twist for query in queries for twist in query.twists} == {"misspelt", "size", "price"}


def test_what_costs_more_than_was_typed_is_no_answer(store: tuple[StoreSpec, tuple[Item, ...]]) -> None:
    price = {item.product_id: item.price for item in store[1]}
    priced = [query for query in typed_queries(*store, 200, seed=7) if "price" in query.twists]

    assert priced
    for query in priced:
        bound = float(re.findall(r"\d+", query.text)[-1])
        assert all(price[product] < bound for product in query.grades)


def test_half_of_the_typed_queries_train(store: tuple[StoreSpec, tuple[Item, ...]], tmp_path: Path) -> None:
    splits = write_shop(tmp_path / "shop", tmp_path / "typed", typed_queries(*store, 220, seed=7))

    assert splits == {"train": 100, "validation": 20, "test": 100}


def test_bm25_finds_stems_and_is_tuned_on_the_queries_it_is_given() -> None:
    queries, grades = {"q": "beach kites"}, {"q": {"kite": 3}}
    assert PlainBm25.of(TEXTS, k1=0.9, b=0.4).search(queries)["q"][0] == "kite"

    bm25, chosen = tuned(TEXTS, queries, grades, "recall@1")
    assert score(bm25.search(queries), grades, "recall@1") == {"q": 1.0}
    assert chosen == "k1 0.5, b 0.1"


def test_the_ratio_of_two_engines_has_an_interval() -> None:
    low, high = ratio_interval([1.0, 0.5] * 50, [0.5, 0.5] * 50)
    assert low < 1.5 < high


def test_a_shop_is_written_without_one_product(tmp_path: Path) -> None:
    source = tmp_path / "shop" / "source.yaml"
    source.parent.mkdir()
    source.write_text("catalogue: x\n")
    (source.parent / "products.csv").write_text("product_id,title\na,lamp\nb,mug\n")

    assert shop_without(source, "a", tmp_path / "work" / "shop") == ["b"]
    with (tmp_path / "work" / "shop" / "products.csv").open() as opened:
        assert list(csv.DictReader(opened)) == [{"product_id": "b", "title": "mug"}]
    assert (tmp_path / "work" / "shop" / "source.yaml").read_text() == "catalogue: x\n"


def test_unseen_queries_ask_for_products_that_are_there(tmp_path: Path) -> None:
    file = tmp_path / "judgments.csv"
    file.write_text(
        "query_id,query_text,image,audio,product_id,grade\n"
        "q1,lamp,,,a,3\nq1,lamp,,,gone,2\nq2,mug,,,gone,3\nq3,,p.jpg,,a,1\nq4,,,v.wav,a,3\n"
    )

    queries = unseen_queries(file, ["a"])

    assert [(query.query_id, query.text, query.grades) for query in queries] == [
        ("q1", "lamp", {"a": 3}),
        ("q3", None, {"a": 1}),
    ]
    assert queries[1].image == tmp_path / "p.jpg"


@pytest.mark.parametrize(
    ("high", "called_judged", "released", "good"),
    [
        (0.1, False, True, True),
        (-0.01, False, True, False),
        (0.1, True, True, False),
        (0.1, False, False, False),
    ],
)
def test_a_run_is_good_that_released_something_not_behind_and_honest(
    high: float, called_judged: bool, released: bool, good: bool
) -> None:
    kind = KindResult("words", 20, 0.5, "text", 0.5, Difference(0.0, -0.1, high, 0.5, 20))
    outcome = Outcome("a", released=released, called_judged=called_judged, kinds=(kind,))

    assert outcome.is_good is good
