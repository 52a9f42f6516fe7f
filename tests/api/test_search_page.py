"""What the search page says of a query's parts, in a real browser, without a server."""

import json
from pathlib import Path

from mmsearch_dagster import api
from mmsearch_dagster.core.understanding.understood import (
    CATEGORY,
    EXPAND,
    FILTER,
    MESSAGE,
    PREFER,
    PRICE,
    REWRITE,
    SPELLING,
    SYNONYM,
    UNMATCHED,
    QueryPart,
)
from tests.browser import needs_browser, open_page

PAGE = Path(api.__file__).with_name("page.html")
SHOWN = {
    QueryPart(PRICE, "under 60", "under 60 EUR", FILTER): "under 60 EUR",
    QueryPart(PRICE, "under 60", "under 60 EUR", MESSAGE): "left out: under 60 EUR",
    QueryPart(CATEGORY, "sneakers", "Sneakers", PREFER): "category: Sneakers",
    QueryPart(SPELLING, "blu", "blue", REWRITE): "blu → blue",
    QueryPart(SYNONYM, "saft", "apfelsaft, orangensaft", EXPAND): "saft, also apfelsaft, orangensaft",
    QueryPart(UNMATCHED, "gown", "no product has this word", MESSAGE): "“gown”: no product has this word",
}


@needs_browser
def test_each_part_is_shown_by_what_it_does(tmp_path: Path) -> None:
    with open_page(PAGE.as_uri(), tmp_path / "profile") as page:
        page.wait_for("typeof meaning === 'function'")
        parts = [{"kind": p.kind, "text": p.text, "value": p.value, "effect": p.effect} for p in SHOWN]

        assert page.value(f"{json.dumps(parts)}.map(meaning)") == list(SHOWN.values())


@needs_browser
def test_on_a_phone_two_products_stand_beside_each_other_and_nothing_is_cut_off(tmp_path: Path) -> None:
    with open_page(PAGE.as_uri(), tmp_path / "profile") as page:
        page.send(
            "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True
        )
        page.wait_for("typeof meaning === 'function'")

        columns = page.value("getComputedStyle(document.getElementById('results')).gridTemplateColumns")
        assert len(columns.split()) == 2
        assert page.value("document.documentElement.scrollWidth") <= 390
