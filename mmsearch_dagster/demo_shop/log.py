"""The sample shop's behaviour log, as OpenSearch UBI 1.3 documents in bulk form."""

import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mmsearch_dagster.core.catalog.columns import PRODUCT_ID
from mmsearch_dagster.demo_shop.catalogue import Item
from mmsearch_dagster.demo_shop.shoppers import (
    Act,
    Shopper,
    acts_on_page,
    browsed,
    favourite_kind,
    make_shoppers,
    result_page,
)
from mmsearch_dagster.demo_shop.spec import StoreSpec
from mmsearch_dagster.demo_shop.wording import chinese_query, english_query

Shelves = Mapping[str, Sequence[Item]]
_TRIES = 20


@dataclass(frozen=True)
class Visit:
    """One search with its result page, or one stroll (`text` is None), by one shopper."""

    shopper: Shopper
    text: str | None
    acts: tuple[Act, ...]


def make_log(spec: StoreSpec, items: Sequence[Item], held_out: Set[str]) -> Iterator[str]:
    """Lines of the bulk file: all queries, then all events, each by time.

    held_out: lower-case texts of validation and test queries; nobody types those here.
    """
    queries: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    visits = make_visits(spec, items, held_out)
    for number, (moment, visit) in enumerate(zip(_moments(spec, len(visits)), visits, strict=True)):
        documents = _documents(spec, number, moment, visit)
        queries += documents[0]
        events += documents[1]
    yield from _bulk("ubi_queries", queries)
    yield from _bulk("ubi_events", sorted(events, key=lambda event: event["timestamp"]))


def make_visits(spec: StoreSpec, items: Sequence[Item], held_out: Set[str]) -> list[Visit]:
    """Visits whose acts add up to exactly the number of events asked for."""
    rng, shoppers = spec.rng("log"), make_shoppers(spec)
    by_kind: dict[str, list[Item]] = {}
    for item in items:
        by_kind.setdefault(item.traits.kind, []).append(item)
    visits: list[Visit] = []
    left = spec.log.events if items else 0
    while left > 0:
        shopper = rng.choices(shoppers, [each.activity for each in shoppers])[0]
        visit = _visit(spec, shopper, by_kind, held_out, rng)
        visits.append(Visit(shopper, visit.text, visit.acts[:left]))
        left -= len(visit.acts)
    return visits


def _visit(
    spec: StoreSpec, shopper: Shopper, by_kind: Shelves, held_out: Set[str], rng: random.Random
) -> Visit:
    if rng.random() < spec.log.browsing:
        return Visit(shopper, None, tuple(browsed(spec, shopper, by_kind, rng)))
    ask = chinese_query if rng.random() < spec.log.chinese else english_query
    for _ in range(_TRIES):
        text, wanted = ask(spec, rng.choice(by_kind[favourite_kind(shopper, by_kind, rng)]).traits, rng)
        if text.lower() not in held_out:
            page = result_page(spec, wanted, by_kind, rng)
            return Visit(shopper, text, tuple(acts_on_page(spec.log, shopper, page, rng)))
    return Visit(shopper, None, tuple(browsed(spec, shopper, by_kind, rng)))


def _moments(spec: StoreSpec, count: int) -> list[datetime]:
    rng, begin = spec.rng("moments"), spec.now - timedelta(days=spec.log.days)
    # An hour is left at the end so that the last visit is over before `now`.
    span = (spec.log.days * 24 - 1) * 3_600_000
    return [
        begin + timedelta(milliseconds=each) for each in sorted(rng.randrange(span) for _ in range(count))
    ]


def _documents(
    spec: StoreSpec, number: int, moment: datetime, visit: Visit
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rng = spec.rng("documents", number)
    query_id = _uuid(rng) if visit.text is not None else None
    base = {"application": spec.name, "query_id": query_id, "client_id": visit.shopper.user_id}
    session = _uuid(rng)
    events, now = [], moment
    for act in visit.acts:
        if act.action != "impression":
            now += timedelta(milliseconds=rng.randint(1_500, 25_000))
        events.append(_event({**base, "session_id": session, "user_query": visit.text}, act, now))
    if visit.text is None:
        return [], events
    query = {**base, "user_query": visit.text, "query_attributes": {}, "timestamp": _iso(moment)}
    return [query], events


def _event(base: Mapping[str, Any], act: Act, moment: datetime) -> dict[str, Any]:
    attributes: dict[str, Any] = {"object": {"object_id": act.item.product_id, "object_id_field": PRODUCT_ID}}
    if act.position is not None:
        attributes["position"] = {"ordinal": act.position}
    if act.action == "purchase":
        attributes["value"] = act.item.price
    return {
        "application": base["application"],
        "action_name": act.action,
        **{name: base[name] for name in ("query_id", "session_id", "client_id")},
        "timestamp": _iso(moment),
        "user_query": base["user_query"],
        "message_type": None,
        "message": None,
        "event_attributes": attributes,
    }


def _bulk(index: str, documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for number, document in enumerate(documents):
        name = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{index}:{document['application']}:{number}"))
        yield json.dumps({"index": {"_index": index, "_id": name}})
        yield json.dumps(document, ensure_ascii=False)


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
