"""Real-shaped exports of shop systems, connected without a word of mapping."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmsearch_dagster.adapters.sources import load_source, read_table
from mmsearch_dagster.adapters.sources.connect import as_yaml, connect
from mmsearch_dagster.core.catalog.contract import separate_broken_rows
from mmsearch_dagster.core.errors import SourceError

EXPORTS = Path(__file__).parents[2] / "fixtures" / "exports"
Reads = Callable[..., tuple[str, list[dict[str, Any]]]]


@pytest.fixture
def connected(tmp_path: Path) -> Reads:
    """Writes an export and connects it; returns its kind and the good rows of one of its tables."""

    def read(name: str, content: str | bytes, table: str = "products") -> tuple[str, list[dict[str, Any]]]:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        found = connect([file])
        out = tmp_path / "source.yaml"
        out.write_text(as_yaml(found, "shop", out), encoding="utf-8")
        raw = read_table(load_source(out), table, lambda ids: ids)
        rows = separate_broken_rows(raw)
        assert rows.quarantined.is_empty(), rows.quarantined["reasons"].to_list()
        return found[0].draft.kind, rows.good.to_dicts()

    return read


def attributes(row: dict[str, Any]) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in row["attributes"] or ()}


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["product_id"]: row for row in rows}


def test_shopify(connected: Reads):
    """Each variant is a row with what stands in the first row of its handle; rows of pictures are none."""
    kind, rows = connected("products_export.csv", (EXPORTS / "shopify.csv").read_bytes())
    products = by_id(rows)
    assert kind == "Shopify product CSV"
    assert set(products) == {"LS-S", "LS-M", "DL"}
    small, medium, lamp = products["LS-S"], products["LS-M"], products["DL"]
    assert small["parent_id"] == medium["parent_id"] == "linen-shirt"
    assert (medium["title"], medium["brand"]) == ("Linen shirt", "Nord")
    assert medium["description"] == "Light & airy. washable"
    assert [uri[-5] for uri in medium["image_uris"]] == ["3"], "its own picture"
    assert [uri[-5] for uri in small["image_uris"]] == ["1", "2", "4"], "it has none: those of its product"
    assert (small["in_stock"], medium["in_stock"]) == (False, True)
    assert (medium["price"], attributes(medium)) == (39.9, {"Size": "M"})
    assert (lamp["in_stock"], attributes(lamp)) == (True, {}), "`Default Title` says that there is no option"


def test_shopify_without_a_number_for_each_variant(connected: Reads):
    """Then the handle and the options name it."""
    export = (EXPORTS / "shopify.csv").read_text(encoding="utf-8").replace(",LS-M,", ",,")
    _, rows = connected("products_export.csv", export)
    assert set(by_id(rows)) == {"linen-shirt:S", "linen-shirt:M", "desk-lamp"}


def test_woocommerce(connected: Reads):
    """Variations take over what only the variable product says, which is no row of its own."""
    kind, rows = connected("wc-product-export.csv", (EXPORTS / "woocommerce.csv").read_bytes())
    products = by_id(rows)
    assert kind == "WooCommerce product CSV"
    assert set(products) == {"HOODIE-B", "46", "50", "52"}
    blue, green, beanie, tee = (products[key] for key in ("HOODIE-B", "46", "50", "52"))
    assert (blue["parent_id"], green["parent_id"], tee["parent_id"]) == ("HOODIE", "HOODIE", "51")
    assert (blue["title"], blue["price"], blue["in_stock"]) == ("Hoodie - Blue", 45.0, False)
    assert (green["price"], green["in_stock"]) == (42.5, True)
    assert green["description"] == "Very warm"
    assert green["category"] == "Clothing | Clothing > Hoodies"
    assert [uri[-5] for uri in blue["image_uris"]] == ["c"]
    assert [uri[-5] for uri in green["image_uris"]] == ["a", "b"]
    assert attributes(green) == {"Color": "Green"}
    assert (beanie["in_stock"], beanie["price"], beanie["parent_id"]) == (True, 18.9, None)
    assert (tee["title"], tee["price"], tee["category"]) == ("Tee - S", 9.9, "Clothing > Tees")


def test_variations_of_a_product_that_is_not_published_are_not_shown(connected: Reads):
    export = (
        (EXPORTS / "woocommerce.csv")
        .read_text(encoding="utf-8")
        .replace("HOODIE,Hoodie,1", "HOODIE,Hoodie,0")
    )
    _, rows = connected("wc-product-export.csv", export)
    assert set(by_id(rows)) == {"50", "52"}


def test_google_merchant_as_tsv(connected: Reads):
    kind, rows = connected("feed.txt", (EXPORTS / "merchant.txt").read_bytes())
    lamp, red, blue = (by_id(rows)[key] for key in ("L-1", "T-1", "T-2"))
    assert kind == "Google Merchant feed"
    assert (red["parent_id"], blue["parent_id"], lamp["parent_id"]) == ("T", "T", None)
    assert (red["price"], red["currency"], red["in_stock"]) == (79.95, "EUR", True)
    assert (blue["price"], blue["in_stock"]) == (89.95, False)
    assert (len(red["image_uris"]), len(blue["image_uris"])) == (3, 1)
    assert (attributes(red)["color"], attributes(blue)["color"]) == ("red", "blue")
    assert (lamp["price"], lamp["in_stock"]) == (1299.0, True)


def test_google_merchant_as_xml(connected: Reads):
    items = "".join(
        f"<item><g:id>{n}</g:id><title>Mug {n}</title><link>https://s.example/{n}</link>"
        f"<g:image_link>https://s.example/{n}.jpg</g:image_link><g:availability>in stock</g:availability>"
        f"<g:price>{n}.50 GBP</g:price><g:additional_image_link>https://s.example/x.jpg</g:additional_image_link>"
        "<g:product_type>Home &gt; Mugs</g:product_type></item>"
        for n in (1, 2)
    )
    feed = (
        f'<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel>{items}</channel></rss>'
    )
    kind, (first, _) = connected("feed.xml", feed)
    assert kind == "Google Merchant feed"
    assert (first["title"], first["price"], first["currency"]) == ("Mug 1", 1.5, "GBP")
    assert first["category"] == "Home > Mugs"
    assert len(first["image_uris"]) == 2


def test_magento(connected: Reads):
    kind, (bag, tank) = connected("catalog_product.csv", (EXPORTS / "magento.csv").read_bytes())
    assert kind == "Magento 2 catalogue CSV"
    assert (bag["product_id"], bag["title"], bag["price"]) == ("MB01", "Duffle bag", 34.0)
    assert bag["category"] == "Gear | Gear > Bags", "every product has the root, so it says nothing"
    assert bag["image_uris"] == ["m/b/mb01.jpg", "m/b/mb01_alt.jpg"]
    assert attributes(bag) == {"activity": "Gym|Travel", "strap": "Adjustable, Long"}
    assert (tank["product_id"], tank["in_stock"]) == ("WS", False)


def test_variants_that_a_configurable_product_of_magento_lists(connected: Reads):
    """Nobody sees them by themselves, so they go with their product: `WS` is shown, `HID` is not."""
    rows = (
        "sku,product_websites,product_type,name,price,visibility,additional_attributes,"
        "configurable_variations\n"
        "WS-S,base,simple,Tank-S,29.0,Not Visible Individually,size=S,\n"
        "WS-M,base,simple,Tank-M,31.0,Not Visible Individually,size=M,\n"
        'WS,base,configurable,Tank,,"Catalog, Search","size=all,fabric=Wool",'
        '"sku=WS-S,size=S|sku=WS-M,size=M"\n'
        "H-S,base,simple,Hidden-S,29.0,Not Visible Individually,size=S,\n"
        'HID,base,configurable,Hidden,,Not Visible Individually,,"sku=H-S,size=S"\n'
    )
    _, rows = connected("catalog_product.csv", rows)
    assert [(row["product_id"], row["parent_id"], row["price"]) for row in rows] == [
        ("WS-M", "WS", 31.0),
        ("WS-S", "WS", 29.0),
    ]
    assert attributes(rows[0]) == {"fabric": "Wool", "size": "M"}


def test_a_product_group_of_json_ld_holds_its_variants(connected: Reads):
    offer = {"@type": "Offer", "price": 9.9, "priceCurrency": "EUR"}
    red = {"@type": "Product", "sku": "D-R", "name": "Duck red", "color": "Red", "image": "https://s.example/r.jpg",
           "offers": offer}  # fmt: skip
    blue = {**red, "sku": "D-B", "name": "Duck blue", "color": "Blue", "offers": {**offer, "price": 11.9}}
    group = {"@type": "ProductGroup", "productGroupID": "D", "name": "Duck", "description": "<p>Floats.</p>",
             "hasVariant": [red, blue]}  # fmt: skip
    single = {"@type": "Product", "sku": "K", "name": "Kite", "offers": offer}
    _, rows = connected("p.jsonld", json.dumps({"@graph": [group, single]}))
    shown = [(row["product_id"], row["parent_id"], row["title"], row["price"]) for row in rows]
    assert shown == [
        ("D-B", "D", "Duck blue", 11.9),
        ("D-R", "D", "Duck red", 9.9),
        ("K", None, "Kite", 9.9),
    ]
    assert (rows[0]["description"], attributes(rows[0])) == ("Floats.", {"color": "Blue"})


def test_json_ld(connected: Reads):
    product = {
        "@type": "Product",
        "sku": "K-1",
        "name": "Kettle",
        "brand": {"@type": "Brand", "name": "Heat"},
        "image": ["https://s.example/1.jpg", "https://s.example/2.jpg"],
        "offers": [{"@type": "Offer", "price": "24.90", "priceCurrency": "EUR", "availability": "https://schema.org/InStock"}],
    }  # fmt: skip
    other = {"@type": "BreadcrumbList", "name": "Path", "sku": None}
    document = {"@context": "https://schema.org", "@graph": [product, other, {**product, "sku": "K-2"}]}
    kind, (first, second) = connected("dump.jsonld", json.dumps(document))
    assert kind == "schema.org JSON-LD"
    assert (first["product_id"], first["brand"], first["price"], first["currency"]) == (
        "K-1",
        "Heat",
        24.9,
        "EUR",
    )
    assert (first["in_stock"], len(first["image_uris"]), second["product_id"]) == (True, 2, "K-2")


def test_ubi(connected: Reads):
    lines = [
        {"index": {"_index": "ubi_queries", "_id": "q1"}},
        {"query_id": "q1", "user_query": "red shoes", "client_id": "c", "timestamp": "2024-06-04T12:00:00Z"},
        {"index": {"_index": "ubi_events", "_id": "e1"}},
        {"action_name": "item_click", "query_id": "q1", "client_id": "c", "timestamp": "2024-06-04T12:00:01Z",
         "event_attributes": {"object": {"object_id": "p1"}, "position": {"ordinal": 2}}},
    ]  # fmt: skip
    content = "\n".join(map(json.dumps, lines))
    kind, (event,) = connected("log.ndjson", content, "events")
    assert (kind, event["action"], event["product_id"], event["position"]) == ("UBI log", "click", "p1", 2)
    assert connected("log.ndjson", content, "searches")[1][0]["query_text"] == "red shoes"


def test_ga4(connected: Reads):
    events = [
        {"event_name": "view_item", "event_timestamp": "1717502400000000", "user_pseudo_id": "7.1",
         "items": [{"item_id": "p1", "price": 5.0}]},
        {"event_name": "page_view", "event_timestamp": "1717502401000000", "user_pseudo_id": "7.1"},
    ]  # fmt: skip
    kind, (event,) = connected("events.jsonl", "\n".join(map(json.dumps, events)), "events")
    assert (kind, event["action"], event["product_id"], event["user_id"]) == (
        "GA4 events",
        "view",
        "p1",
        "7.1",
    )
    assert event["timestamp"].isoformat() == "2024-06-04T12:00:00+00:00"


@pytest.mark.parametrize(
    ("name", "content", "kind", "action"),
    [
        (
            "orders.csv",
            "order_id;customer_id;ordered_at;sku;quantity;line_total\n1;c1;2024-06-04 12:00;p1;2;\"9,90\"\n",
            "orders",
            "purchase",
        ),
        (
            "online_retail.csv",
            "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n5,p1,6,2010-12-01 08:26,2,c1\n",
            "orders",
            "purchase",
        ),
        ("wishlist.csv", "customer_id,product_id,added_at\nc1,p1,2024-06-04\n", "wish list", "add_to_cart"),
        ("clicks.csv", "time,user,item_id,event\n2024-06-04,c1,p1,click\n", "event log", "click"),
    ],
)  # fmt: skip
def test_logs_orders_and_wish_lists(connected: Reads, name: str, content: str, kind: str, action: str):
    found, (event,) = connected(name, content, "events")
    assert (found, event["action"], event["user_id"], event["product_id"]) == (kind, action, "c1", "p1")


def test_an_export_of_no_known_system_is_mapped_by_the_names_of_its_columns(connected: Reads):
    kind, (row,) = connected(
        "artikel.csv", "Artikelnummer;Bezeichnung;Preis;Bild\n7;Tasse;3,50 €;t.jpg\n".encode("cp1252")
    )
    assert kind == "products by the names of columns"
    assert (row["product_id"], row["title"], row["price"], row["currency"]) == ("7", "Tasse", 3.5, "EUR")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (
            "sku,rating_code,rating_value,title,review,reviewer,email",
            "B-1,Rating,2,Small,It is too small.,Chi,",
        ),
        ("product_id,star_rating,review_headline,review_body", "B-1,2,Small,It is too small."),
        ("SKU,Review Rating,Review Title,Review Content", "B-1,2,Small,It is too small."),
    ],
)
def test_reviews_are_reviews_and_no_products(connected: Reads, header: str, row: str):
    kind, rows = connected("reviews.csv", f"{header}\n{row}\n", "reviews")

    assert kind == "reviews by the names of columns"
    assert [(one["product_id"], one["rating"], one["title"], one["text"]) for one in rows] == [
        ("B-1", 2.0, "Small", "It is too small.")
    ]


def test_reviews_without_a_rating_are_not_taken_for_products(tmp_path: Path):
    file = tmp_path / "notes.csv"
    file.write_text("sku,title,review\nB-1,Small,It is too small.\n", encoding="utf-8")

    with pytest.raises(SourceError, match=r"notes\.csv: is no export that is known"):
        connect([file])


def test_the_hosts_of_pictures_are_allowed_for_review(tmp_path: Path):
    found = connect([EXPORTS / "merchant.txt"])
    document = yaml.safe_load(as_yaml(found, "shop", tmp_path / "source.yaml"))
    assert document["media"] == {"hosts": ["s.example"]}


def test_what_was_left_out_and_how_sure_is_said(tmp_path: Path):
    file = tmp_path / "p.csv"
    file.write_text("sku,name,price,weird\n1,Mug,5.50,x\n")
    (one,) = connect([file])
    assert [
        (row.column, row.example, row.contract, row.sureness) for row in one.draft.understood(one.look)
    ] == [
        ("sku", "1", "product_id", "guess"),
        ("name", "Mug", "title", "guess"),
        ("price", "5.50", "price", "guess"),
    ]
    assert one.draft.left_out(one.look) == ["weird"]


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "the file is empty"), ("a,b\n1,2\n", "is no export that is known"), ("{}", "p.csv")],
)
def test_what_cannot_be_understood_is_said_in_one_line(tmp_path: Path, content: str, message: str):
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(SourceError, match=message):
        connect([tmp_path / "p.csv"])
