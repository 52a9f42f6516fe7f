"""Logs of behaviour, orders and wish lists, by their columns."""

import re
import unicodedata
from collections.abc import Sequence

from mmsearch_dagster.core.catalog.recognise.draft import FileLook, TableDraft

_TIME = (
    "timestamp", "time", "date", "datetime", "event_time", "event_timestamp", "created_at",
    "order_date", "ordered_at", "purchase_date", "invoicedate", "invoice_date",
    "order_purchase_timestamp", "added_at", "date_added", "created", "paid_at", "processed_at",
)  # fmt: skip
_PERSON = (
    "user_id", "user", "customer_id", "customer", "client_id", "visitor_id", "visitorid", "userid",
    "customerid", "email", "customer_email", "user_pseudo_id", "buyer_id", "member_id",
    "customer_unique_id", "billing_email",
)  # fmt: skip
_PRODUCT = (
    "product_id", "item_id", "itemid", "productid", "sku", "product", "product_sku", "item_sku",
    "lineitem_sku", "stockcode", "stock_code", "article_id", "article", "variant_sku", "asin",
    "product_code", "content_id",
)  # fmt: skip
_ORDER = (
    "order_id", "order", "order_number", "order_no", "invoiceno", "invoice", "invoice_no", "quantity",
    "qty", "name_order", "lineitem_quantity", "order_item_id", "qty_ordered", "orderid",
    "transaction_id",
)  # fmt: skip
_VALUE = (
    "value", "amount", "total", "line_total", "price", "unit_price", "unitprice", "lineitem_price",
    "revenue",
)  # fmt: skip
_ACTION = (
    "action", "event", "event_type", "event_name", "type", "event_action",
)  # fmt: skip
_SESSION = (
    "session_id", "session", "user_session", "ga_session_id", "sessionid", "visit_id",
)  # fmt: skip


_SPELLED = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}


def plain_name(column: str) -> str:
    """A column's name in small letters without accents, with underscores."""
    spelled = "".join(_SPELLED.get(letter, letter) for letter in column.strip().lower())
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(letter)
    )
    return re.sub(r"[\W_]+", "_", plain).strip("_")


def _first(look: FileLook, wanted: Sequence[str]) -> str | None:
    names = {plain_name(column): column for column in reversed(look.columns)}
    return next((names[name] for name in wanted if name in names and look.present(names[name])), None)


def ga4(look: FileLook) -> TableDraft | None:
    """Events of Google Analytics 4, flat or as BigQuery exports them."""
    if not look.has("event_name") or not look.present("event_timestamp", "event_time", "timestamp"):
        return None
    product = next(iter(look.present("items.item_id", "item_id", "item_sku", "product_id")), None)
    person = look.present("user_id", "user_pseudo_id", "client_id")
    if product is None or not person:
        return None
    columns = {
        "timestamp": look.present("event_timestamp", "event_time", "timestamp")[0],
        "user_id": person[0] if len(person) == 1 else person,
        "product_id": product,
        "action": "event_name",
    }
    session, value = _first(look, _SESSION), next(iter(look.present("event_value_in_usd", "value")), None)
    columns |= {"session_id": session} if session else {}
    columns |= {"value": value} if value else {}
    return TableDraft("GA4 events", "events", {"columns": columns}, "sure")


def event_log(look: FileLook) -> TableDraft | None:
    """Any log with a time, a person, a product and an action."""
    parts = [_first(look, names) for names in (_TIME, _PERSON, _PRODUCT, _ACTION)]
    if not all(parts):
        return None
    columns = dict(zip(("timestamp", "user_id", "product_id", "action"), parts, strict=True))
    session = _first(look, _SESSION)
    columns |= {"session_id": session} if session else {}
    return TableDraft("event log", "events", {"columns": columns}, "likely")


def wish_list(look: FileLook) -> TableDraft | None:
    """Wish lists: each line a product that somebody put aside, which counts as put into the cart."""
    named = "wish" in look.path.lower() or any("wish" in column.lower() for column in look.columns)
    return _each_line(look, "wish list", "add_to_cart") if named else None


def orders(look: FileLook) -> TableDraft | None:
    """Orders: each line is a purchase of one product."""
    named = "order" in look.path.lower() or _first(look, _ORDER) is not None
    return _each_line(look, "orders", "purchase") if named else None


def _each_line(look: FileLook, kind: str, action: str) -> TableDraft | None:
    parts = [_first(look, names) for names in (_TIME, _PERSON, _PRODUCT)]
    if not all(parts):
        return None
    columns = dict(zip(("timestamp", "user_id", "product_id"), parts, strict=True))
    value = _first(look, _VALUE)
    columns |= {"value": value} if value and action == "purchase" else {}
    return TableDraft(kind, "events", {"columns": columns, "constants": {"action": action}}, "likely")


BEHAVIOUR = (ga4, wish_list, event_log, orders)
