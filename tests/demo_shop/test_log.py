"""The log: people with tastes on result pages, in UBI documents."""

import json
import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import pytest

from mmsearch_dagster.core.catalog.columns import ACTIONS
from mmsearch_dagster.demo_shop.catalogue import Item
from mmsearch_dagster.demo_shop.log import Visit, make_log, make_visits
from mmsearch_dagster.demo_shop.shoppers import acts_on_page, examined, make_shoppers
from mmsearch_dagster.demo_shop.spec import StoreSpec


@pytest.fixture(scope="module")
def visits(spec: StoreSpec, items: tuple[Item, ...]) -> list[Visit]:
    return make_visits(spec, items, set())


@pytest.fixture(scope="module")
def documents(spec: StoreSpec, items: tuple[Item, ...]) -> dict[str, list[dict]]:
    short = spec.model_copy(update={"log": spec.log.model_copy(update={"events": 2_000})})
    lines = [json.loads(line) for line in make_log(short, items, set())]
    found: dict[str, list[dict]] = defaultdict(list)
    for head, body in zip(lines[::2], lines[1::2], strict=True):
        found[head["index"]["_index"]].append(body)
    return found


def test_exactly_as_many_events_as_specified_by_many_users(spec: StoreSpec, visits: list[Visit]) -> None:
    assert sum(len(visit.acts) for visit in visits) == spec.log.events
    assert len({visit.shopper.user_id for visit in visits}) > 0.9 * spec.log.users
    assert {act.action for visit in visits for act in visit.acts} == set(ACTIONS) - {"rate"}


def test_later_positions_are_looked_at_less(spec: StoreSpec) -> None:
    chances = [examined(spec.log, position) for position in range(8)]
    assert chances[0] == 1
    assert chances == sorted(chances, reverse=True)


def test_the_same_product_is_clicked_less_further_down(spec: StoreSpec, items: tuple[Item, ...]) -> None:
    shopper, rng = make_shoppers(spec)[0], random.Random(1)
    page = [(items[0], 3)] * 8
    clicks: Counter[int | None] = Counter()
    for _ in range(3_000):
        acts = acts_on_page(spec.log, shopper, page, rng)
        clicks.update(act.position for act in acts if act.action == "click")
    assert clicks[0] / clicks[7] == pytest.approx(8**spec.log.position_bias, rel=0.35)


def test_tastes_show_in_what_is_clicked(visits: list[Visit]) -> None:
    def liked(action: str) -> float:
        acts = [(visit.shopper, act) for visit in visits for act in visit.acts if act.action == action]
        return sum(act.item.traits.color in shopper.colors for shopper, act in acts) / len(acts)

    assert liked("click") > 1.2 * liked("impression")
    assert liked("purchase") > liked("impression")


def test_nobody_buys_what_was_not_put_in_the_cart(visits: list[Visit]) -> None:
    before = {"add_to_cart": "view", "purchase": "add_to_cart"}
    for visit in visits:
        done = {(act.action, act.item.product_id) for act in visit.acts}
        assert all((before.get(action, action), product) in done for action, product in done)


def test_held_out_texts_are_never_typed(
    spec: StoreSpec, items: tuple[Item, ...], visits: list[Visit]
) -> None:
    held_out = {visit.text.lower() for visit in visits[:300] if visit.text}
    typed = {visit.text.lower() for visit in make_visits(spec, items, held_out) if visit.text}
    assert typed
    assert not typed & held_out


def test_documents_have_the_shape_of_ubi(spec: StoreSpec, documents: dict[str, list[dict]]) -> None:
    queries, events = documents["ubi_queries"], documents["ubi_events"]
    assert len(events) == 2_000
    assert all(
        set(query) == {"application", "query_id", "client_id", "user_query", "query_attributes", "timestamp"}
        for query in queries
    )
    typed = {query["query_id"]: (query["client_id"], query["user_query"]) for query in queries}
    assert len(typed) == len(queries)
    for event in events:
        assert event["event_attributes"]["object"]["object_id"].startswith("SKU-")
        assert ("position" in event["event_attributes"]) == (event["query_id"] is not None)
        assert ("value" in event["event_attributes"]) == (event["action_name"] == "purchase")
        if event["query_id"]:
            assert typed[event["query_id"]] == (event["client_id"], event["user_query"])


def test_events_are_in_time_order_within_the_days_of_the_log(
    spec: StoreSpec, documents: dict[str, list[dict]]
) -> None:
    moments = [datetime.fromisoformat(event["timestamp"]) for event in documents["ubi_events"]]
    assert moments == sorted(moments)
    assert spec.now - timedelta(days=spec.log.days) <= moments[0]
    assert moments[-1] < spec.now
    assert moments[-1] - moments[0] > timedelta(days=spec.log.days - 2)


def test_an_empty_shop_has_an_empty_log(spec: StoreSpec) -> None:
    assert list(make_log(spec, [], set())) == []
