import datetime as dt
import json

import polars as pl
import pytest

from mmsearch_dagster.adapters.sources.ubi import records, to_ubi
from mmsearch_dagster.core.catalog.schemas import TABLES

EVENT = {
    "action_name": "click",
    "query_id": "q1",
    "client_id": "c1",
    "user_id": "",
    "session_id": "s1",
    "timestamp": "2024-06-04T12:00:00Z",
    "user_query": "red shoes",
    "event_attributes": {"object": {"object_id": "p1"}, "position": {"ordinal": 2}},
}
QUERY = {"query_id": "q1", "client_id": "c1", "user_query": "red shoes", "timestamp": "2024-06-04T11:00:00Z"}


def action(index: str, document_id: str | None = None) -> dict:
    return {"index": {"_index": index, "_id": document_id}}


def read(table: str, *documents: dict | None) -> list:
    return list(records(enumerate(documents, start=1), table))


def test_an_event_takes_its_id_from_the_action_line_and_its_person_from_the_client():
    ((number, event),) = read("events", action("ubi_events", "e9"), EVENT)
    assert number == 2
    assert event == {
        "timestamp": "2024-06-04T12:00:00Z",
        "user_id": "c1",
        "session_id": "s1",
        "query_id": "q1",
        "event_id": "e9",
        "product_id": "p1",
        "action": "click",
        "value": None,
        "position": "2",
        "variant": None,
    }


def test_a_named_user_goes_before_the_client():
    ((_, event),) = read("events", {**EVENT, "user_id": "anna"})
    assert event["user_id"] == "anna"


@pytest.mark.parametrize("attributes", [None, {}, {"object": None}, {"object": "p1"}, [1]])
def test_odd_attributes_are_no_crash(attributes: object):
    ((_, event),) = read("events", {**EVENT, "event_attributes": attributes})
    assert event["product_id"] is None


def test_queries_and_events_that_repeat_their_query_are_searches():
    found = read("searches", action("ubi_queries", "x"), QUERY, action("ubi_events", "e"), EVENT)
    assert [(number, row["query_text"]) for number, row in found] == [(2, "red shoes"), (4, "red shoes")]


def test_a_broken_line_belongs_to_the_table_that_its_action_line_named():
    lines = (action("ubi_queries", "x"), None, action("ubi_events", "e"), None, None)
    assert read("searches", *lines) == [(2, None)]
    assert read("events", *lines) == [(4, None), (5, None)]


def test_what_is_written_reads_back_the_same():
    moment = dt.datetime(2024, 6, 4, 12, 0, 0, 123456, tzinfo=dt.UTC)
    events = pl.DataFrame(
        [
            ("e1", moment, "u1", "s1", "q1", "p1", "click", None, 3, "A"),
            ("e2", moment, "u1", None, None, "包", "purchase", 19.5, None, None),
        ],
        schema=TABLES["events"],
        orient="row",
    )
    searches = pl.DataFrame(
        [("q1", moment, "u1", "s1", '红色 "鞋"', None), ("q2", None, None, None, None, "queries/q2.jpg")],
        schema=TABLES["searches"],
        orient="row",
    )
    lines = [json.loads(line) for line in to_ubi(events, searches)]
    assert lines[0] == action("ubi_queries", "q1")
    for table, written in (("events", events), ("searches", searches)):
        ids = set(written[f"{'event' if table == 'events' else 'query'}_id"])
        rows = [row for _, row in read(table, *lines) if row.get("event_id", row["query_id"]) in ids]
        frame = pl.DataFrame(rows, schema=dict.fromkeys(written.columns, pl.String))
        back = frame.with_columns(
            pl.col("timestamp").str.to_datetime("%+", time_unit="us", time_zone="UTC")
        ).cast(written.schema)
        assert back.equals(written)
