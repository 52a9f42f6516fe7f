"""OpenSearch UBI 1.3, read and written: one bulk file with `ubi_queries` and `ubi_events` mixed.

Action lines (`{"index": {"_index": ..., "_id": ...}}`) and documents take turns; files of documents alone are
read too. Schema: https://o19s.github.io/ubi/schema/1.3.0/ (event and query request schemas).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from mmsearch_dagster.core.catalog import columns as col

EVENTS_INDEX = "ubi_events"
QUERIES_INDEX = "ubi_queries"

Line = tuple[int, dict[str, Any] | None]
Record = dict[str, Any]


def _text(value: Any) -> str | None:
    """A scalar as text; an empty one, a list or an object is nothing."""
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).strip() or None


def _inside(document: Mapping[str, Any], *path: str) -> Any:
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _person(document: Mapping[str, Any]) -> Record:
    """user_id is empty for visitors who did not log in; then the client (browser) stands for the person."""
    session = _text(document.get("session_id")) or _text(_inside(document, "event_attributes", "session_id"))
    return {
        col.TIMESTAMP: _text(document.get("timestamp")),
        col.USER_ID: _text(document.get("user_id")) or _text(document.get("client_id")),
        col.SESSION_ID: session,
        col.QUERY_ID: _text(document.get("query_id")),
    }


def event_record(document: Mapping[str, Any], document_id: str | None) -> Record:
    """One `ubi_events` document under the contract's column names, values as text."""
    attributes = document.get("event_attributes")
    attributes = attributes if isinstance(attributes, Mapping) else {}
    return {
        **_person(document),
        col.EVENT_ID: document_id,
        col.PRODUCT_ID: _text(_inside(attributes, "object", "object_id")),
        col.ACTION: _text(document.get("action_name")),
        col.VALUE: _text(attributes.get(col.VALUE)),
        col.POSITION: _text(_inside(attributes, "position", "ordinal")),
        col.VARIANT: _text(attributes.get(col.VARIANT)),
    }


def search_record(document: Mapping[str, Any]) -> Record:
    """The query, from a `ubi_queries` document or from an event that repeats its query."""
    return {
        **_person(document),
        col.QUERY_TEXT: _text(document.get("user_query")),
        col.IMAGE: _text(_inside(document, "query_attributes", col.IMAGE)),
    }


def records(lines: Iterable[Line], table: str) -> Iterator[tuple[int, Record | None]]:
    """(line number, contract columns as text) of each record for `table` (events or searches).

    A line that could not be read comes as None, for the table its action line announced (else events).
    """
    index, document_id = None, None
    for number, document in lines:
        action = _action(document)
        if action is not None:
            index, document_id = action
            continue
        if document is None:
            if (table == "searches") == (index == QUERIES_INDEX):
                yield number, None
        elif "action_name" in document or index == EVENTS_INDEX:
            yield from _of_event(number, document, document_id, table)
        elif table == "searches":
            yield number, search_record(document)
        index, document_id = None, None


def _of_event(
    number: int, document: Record, document_id: str | None, table: str
) -> Iterator[tuple[int, Record]]:
    if table == "events":
        yield number, event_record(document, document_id)
    elif _text(document.get("query_id")) and _text(document.get("user_query")):
        yield number, search_record(document)


def _action(document: Record | None) -> tuple[str | None, str | None] | None:
    """(index, id) if the line is a bulk action."""
    if document is None or len(document) != 1:
        return None
    body = document.get("index", document.get("create"))
    return (_text(body.get("_index")), _text(body.get("_id"))) if isinstance(body, dict) else None


def to_ubi(events: pl.DataFrame, searches: pl.DataFrame, application: str = "mmsearch") -> Iterator[str]:
    """Writes events and searches as a UBI bulk file.

    Args:
        events: rows of the events table.
        searches: rows of the searches table.
        application: UBI's name of the program that logged.

    Yields:
        Lines of JSON that read back as the same events and searches.
    """
    for search in searches.iter_rows(named=True):
        yield _dumps({"index": {"_index": QUERIES_INDEX, "_id": search[col.QUERY_ID]}})
        yield _dumps({"application": application, **_search_document(search)})
    for event in events.iter_rows(named=True):
        yield _dumps({"index": {"_index": EVENTS_INDEX, "_id": event[col.EVENT_ID]}})
        yield _dumps({"application": application, **_event_document(event)})


def _dumps(document: Record) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _query_keys(row: Record) -> Record:
    moment = row[col.TIMESTAMP]
    return {
        "query_id": row[col.QUERY_ID],
        "user_id": row[col.USER_ID],
        "client_id": row[col.USER_ID],
        "session_id": row[col.SESSION_ID],
        "timestamp": moment.isoformat(timespec="microseconds") if moment is not None else None,
    }


def _search_document(search: Record) -> Record:
    shown = {col.IMAGE: search[col.IMAGE]} if search[col.IMAGE] is not None else {}
    return {**_query_keys(search), "user_query": search[col.QUERY_TEXT], "query_attributes": shown}


def _event_document(event: Record) -> Record:
    attributes: Record = {"object": {"object_id": event[col.PRODUCT_ID], "object_id_field": col.PRODUCT_ID}}
    if event[col.POSITION] is not None:
        attributes["position"] = {"ordinal": event[col.POSITION]}
    attributes |= {name: event[name] for name in (col.VALUE, col.VARIANT) if event[name] is not None}
    return {**_query_keys(event), "action_name": event[col.ACTION], "event_attributes": attributes}
