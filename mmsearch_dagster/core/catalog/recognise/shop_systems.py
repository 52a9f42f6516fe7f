"""Product exports of the large shop systems, by their columns."""

import re
from typing import Any

from mmsearch_dagster.core.catalog.recognise.draft import FileLook, TableDraft

_PRODUCTS = "products"


def _one_or_all(names: list[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else names


def _given(**columns: Any) -> dict[str, Any]:
    """The columns that have a feed."""
    return {name: feed for name, feed in columns.items() if feed}


def _text(names: list[str]) -> dict[str, Any] | None:
    return {"column": _one_or_all(names), "html": True} if names else None


def _first(look: FileLook, *names: str) -> str | None:
    return next(iter(look.present(*names)), None)


def _numbered(look: FileLook, name: str, value: str) -> dict[str, Any] | None:
    """Attributes whose names and values stand in columns with a number. name, value: with `#` for it."""
    numbers = [
        number
        for number in range(1, 40)
        if look.present(value.replace("#", str(number))) and look.has(name.replace("#", str(number)))
    ]
    if not numbers:
        return None
    return {
        "column": [value.replace("#", str(number)) for number in numbers],
        "names": [name.replace("#", str(number)) for number in numbers],
    }


def shopify(look: FileLook) -> TableDraft | None:
    """A product CSV of Shopify: the handle groups variants and further pictures."""
    if not look.has("Handle", "Title") or not look.present("Variant Price", "Variant SKU", "Image Src"):
        return None
    columns = _given(
        product_id="Handle",
        title="Title",
        description=_text(look.present("Body (HTML)")),
        brand=_first(look, "Vendor"),
        category=_first(look, "Product Category", "Standard Product Type", "Type", "Custom Product Type"),
        price=_first(look, "Variant Price"),
        in_stock=_shopify_stock(look),
        image_uris=_one_or_all(look.present("Image Src", "Variant Image"))
        if look.present("Image Src")
        else None,
        attributes=_numbered(look, "Option# Name", "Option# Value"),
    )
    fill = [*look.present("Status"), *(columns.get("attributes") or {}).get("names", [])]
    mapping: dict[str, Any] = {"columns": columns, "group_by": "Handle"}
    if fill:
        mapping["fill"] = fill
    if look.present("Status"):
        mapping["where"] = {"Status": {"not": ["draft", "archived"]}}
    return TableDraft("Shopify product CSV", _PRODUCTS, mapping, "sure")


def _shopify_stock(look: FileLook) -> dict[str, Any] | str | None:
    """A product without stock can be bought where the policy is to go on selling."""
    quantity = _first(look, "Variant Inventory Qty")
    if quantity is None or not look.present("Variant Inventory Policy"):
        return quantity
    selling = {"where": {"Variant Inventory Policy": "continue"}, "value": True}
    return {"cases": [selling], "column": quantity}


def woocommerce(look: FileLook) -> TableDraft | None:
    """A product CSV of WooCommerce: variations name their parent."""
    if not look.has("ID", "Type", "SKU", "Name"):
        return None
    key = {"column": look.present("Parent", "SKU", "ID"), "pattern": "^(?:id:)?(.+)$"}
    columns = _given(
        product_id=key,
        title="Name",
        description=_text(look.present("Description", "Short description")),
        category=_first(look, "Categories"),
        brand=_first(look, "Brands", "Brand"),
        price=_one_or_all(look.present("Sale price", "Regular price"))
        if look.present("Regular price")
        else None,
        in_stock=_first(look, "In stock?", "Stock"),
        image_uris=_first(look, "Images"),
        attributes=_numbered(look, "Attribute # name", "Attribute # value(s)"),
    )
    mapping: dict[str, Any] = {"columns": columns, "group_by": key}
    if look.present("Published"):
        mapping["where"] = {"Published": {"not": ["0", "-1"]}}
    return TableDraft("WooCommerce product CSV", _PRODUCTS, mapping, "sure")


def magento(look: FileLook) -> TableDraft | None:
    """A catalogue CSV of Magento 2 (Adobe Commerce)."""
    if not look.has("sku", "name") or not look.present(
        "additional_attributes", "attribute_set_code", "product_websites"
    ):
        return None
    images = look.present("base_image", "additional_images")
    columns = _given(
        product_id="sku",
        title="name",
        description=_text(look.present("description", "short_description")),
        category=_first(look, "categories"),
        price=_one_or_all(look.present("special_price", "price")),
        in_stock=_first(look, "is_in_stock", "qty"),
        image_uris={"column": _one_or_all(images), "separator": ","} if images else None,
        attributes=_first(look, "additional_attributes"),
    )
    where: dict[str, Any] = {}
    if look.present("visibility"):
        where["visibility"] = {"not": ["Not Visible Individually", "1"]}
    if look.present("product_online"):
        where["product_online"] = {"not": ["2", "0"]}
    if look.present("store_view_code"):
        where["store_view_code"] = {"empty": True}
    mapping: dict[str, Any] = {"columns": columns, **({"where": where} if where else {})}
    return TableDraft("Magento 2 catalogue CSV", _PRODUCTS, mapping, "sure")


def _merchant_name(column: str) -> str:
    return re.sub(r"\s+", "_", column.strip().lower().removeprefix("g:"))


def google_merchant(look: FileLook) -> TableDraft | None:
    """A Google Merchant feed, TSV or XML; names with or without `g:`."""
    names = {_merchant_name(column): column for column in reversed(look.columns)}
    if not {"id", "title", "image_link"} <= set(names) or not {"link", "availability"} & set(names):
        return None

    def have(*wanted: str) -> list[str]:
        return look.present(*(names[name] for name in wanted if name in names))

    kinds = ("color", "size", "material", "pattern", "gender", "age_group", "condition", "gtin", "mpn")
    attributes = {name: names[name] for name in kinds if have(name)}
    key = {"column": have("item_group_id", "id")} if have("item_group_id") else names["id"]
    columns = _given(
        product_id=key,
        title=names["title"],
        description=_text(have("description")),
        category=_categories(look, have("product_type", "google_product_category")),
        brand=next(iter(have("brand")), None),
        price=_one_or_all(have("sale_price", "price")),
        in_stock=next(iter(have("availability")), None),
        image_uris=_one_or_all(have("image_link", "additional_image_link")),
        attributes=attributes,
    )
    mapping: dict[str, Any] = {"columns": columns, **({"group_by": key} if isinstance(key, dict) else {})}
    return TableDraft("Google Merchant feed", _PRODUCTS, mapping, "sure")


def _categories(look: FileLook, names: list[str]) -> list[str] | str | None:
    """The first where each row has it, else all of them."""
    if len(names) > 1 and look.filled.get(names[0], 1.0) < 1.0:
        return names
    return names[0] if names else None


def json_ld(look: FileLook) -> TableDraft | None:
    """Products of schema.org, as JSON-LD."""
    if not look.has("@type", "name") or not look.present("sku", "productID", "@id", "url", "mpn", "gtin13"):
        return None
    images = look.present("image.url", "image.contentUrl") or look.present("image")
    columns = _given(
        product_id=look.present("sku", "productID", "mpn", "gtin13", "@id", "url")[:1][0],
        title="name",
        description=_text(look.present("description")),
        category=_first(look, "category.name", "category"),
        brand=_first(look, "brand.name", "brand", "manufacturer.name"),
        price=_first(look, "offers.price", "offers.lowPrice", "offers.priceSpecification.price"),
        currency=_first(look, "offers.priceCurrency", "offers.priceSpecification.priceCurrency"),
        in_stock=_first(look, "offers.availability"),
        image_uris=_one_or_all(images) if images else None,
        lang=_first(look, "inLanguage"),
        attributes={name: name for name in look.present("color", "size", "material")},
    )
    where = {"@type": ["Product", "ProductModel", "ProductGroup", "http://schema.org/Product"]}
    return TableDraft("schema.org JSON-LD", _PRODUCTS, {"columns": columns, "where": where}, "sure")


SHOP_SYSTEMS = (shopify, woocommerce, magento, google_merchant, json_ld)
