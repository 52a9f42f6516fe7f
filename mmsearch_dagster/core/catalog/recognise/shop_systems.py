"""Product exports of the large shop systems, by their columns."""

import re
from typing import Any

from mmsearch_dagster.core.catalog.mapping.expressions import NO_OPTION
from mmsearch_dagster.core.catalog.recognise.draft import BESIDE, FileLook, TableDraft, category_feed

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
    """A product CSV of Shopify: each row is a variant of its handle, or a further picture."""
    if not look.has("Handle", "Title") or not look.present("Variant Price", "Variant SKU", "Image Src"):
        return None
    attributes = _numbered(look, "Option# Name", "Option# Value")
    category = ("Product Category", "Standard Product Type", "Type", "Custom Product Type")
    columns = _given(
        product_id=_shopify_id(look),
        parent_id="Handle",
        title="Title",
        description=_text(look.present("Body (HTML)")),
        brand=_first(look, "Vendor"),
        category=category_feed(look, _first(look, *category)),
        price=_first(look, "Variant Price"),
        in_stock=_shopify_stock(look),
        image_uris=_shopify_pictures(look),
        attributes=attributes,
    )
    of_handle = look.present("Title", "Body (HTML)", "Vendor", *category, "Status")
    mapping: dict[str, Any] = {"columns": columns, "fill": [*of_handle, *(attributes or {}).get("names", [])]}
    if look.present("Image Src"):
        mapping["joins"] = [{"name": BESIDE.rstrip("."), "key": "Handle"}]
    where: dict[str, Any] = {}
    if look.present("Variant Price"):
        where["Variant Price"] = {"empty": False}
    if look.present("Status"):
        where["Status"] = {"not": ["draft", "archived"]}
    return TableDraft("Shopify product CSV", _PRODUCTS, {**mapping, "where": where}, "sure")


def shopify_json(look: FileLook) -> TableDraft | None:
    """Products as the API of Shopify gives them: each with its variants."""
    if not look.has("title", "variants") or not look.present("variants.price", "variants.sku"):
        return None
    number = "variants.sku" if look.filled.get("variants.sku", 0.0) >= 1.0 else "variants.id"
    own, images = look.present("variants.featured_image.src"), look.present("images.src")
    options = look.present("variants.option1", "variants.option2", "variants.option3")
    columns = _given(
        product_id=next(iter(look.present(number, "variants.id", "variants.sku")), None),
        parent_id=_first(look, "handle", "id"),
        title="title",
        description=_text(look.present("body_html", "description")),
        brand=_first(look, "vendor"),
        category=category_feed(look, _first(look, "product_type")),
        price=_first(look, "variants.price"),
        in_stock=_first(look, "variants.available", "variants.inventory_quantity"),
        image_uris={"column": [*own, *images], "first": True} if own else _feed(images),
        attributes={name.removeprefix("variants."): name for name in options},
    )
    mapping = {"columns": columns, "nested": "variants"}
    return TableDraft("Shopify products as JSON", _PRODUCTS, mapping, "sure")


def _shopify_id(look: FileLook) -> dict[str, Any] | str:
    """The SKU where each variant has one of its own, else the handle with the options."""
    sku, price = "Variant SKU", "Variant Price"
    if sku in look.unique and look.filled.get(sku, 0.0) >= look.filled.get(price, 1.0):
        return {"column": sku, "pattern": "^'?(.+)$"}
    options = [f"{{{name}}}" for name in look.present("Option1 Value", "Option2 Value", "Option3 Value")]
    if not options:
        return "Handle"
    return {"template": ":".join(["{Handle}", *options]), "pattern": f"^(.+?)(?::{NO_OPTION})?:*$"}


def _shopify_pictures(look: FileLook) -> dict[str, Any] | str | None:
    """The picture of the variant, else those of the product, which stand in all rows of its handle."""
    if not look.present("Image Src"):
        return None
    of_product = f"{BESIDE}Image Src"
    own = look.present("Variant Image")
    return {"column": [*own, of_product], "first": True} if own else of_product


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
    parent = _first(look, "Parent")
    columns = _given(
        product_id=_one_or_all(look.present("SKU", "ID")),
        parent_id={"column": parent, "pattern": "^(?:id:)?(.+)$"} if parent else None,
        title="Name",
        description=_text(look.present("Description", "Short description")),
        category=category_feed(look, _first(look, "Categories")),
        brand=_first(look, "Brands", "Brand"),
        price=_one_or_all(look.present("Sale price", "Regular price"))
        if look.present("Regular price")
        else None,
        in_stock=_first(look, "In stock?", "Stock"),
        image_uris=_first(look, "Images"),
        attributes=_numbered(look, "Attribute # name", "Attribute # value(s)"),
    )
    where = {"where": {"Published": {"not": ["0", "-1"]}}} if look.present("Published") else {}
    return TableDraft("WooCommerce product CSV", _PRODUCTS, {"columns": columns, **where}, "sure")


def magento(look: FileLook) -> TableDraft | None:
    """A catalogue CSV of Magento 2 (Adobe Commerce): a configurable product lists its variants."""
    if not look.has("sku", "name") or not look.present(
        "additional_attributes", "attribute_set_code", "product_websites"
    ):
        return None
    images = look.present("base_image", "additional_images")
    columns = _given(
        product_id="sku",
        title="name",
        description=_text(look.present("description", "short_description")),
        category=category_feed(look, _first(look, "categories"), any_root=True),
        price=_one_or_all(look.present("special_price", "price")),
        in_stock=_first(look, "is_in_stock", "qty"),
        image_uris={"column": _one_or_all(images), "separator": ","} if images else None,
        attributes=_first(look, "additional_attributes"),
    )
    mapping: dict[str, Any] = {"columns": columns}
    if look.present("configurable_variations"):
        mapping["children"] = {"column": "configurable_variations", "pattern": "sku=([^,|]+)"}
    if look.present("visibility"):
        mapping["where_product"] = {"visibility": {"not": ["Not Visible Individually", "1"]}}
    where: dict[str, Any] = {}
    if look.present("product_online"):
        where["product_online"] = {"not": ["2", "0"]}
    if look.present("store_view_code"):
        where["store_view_code"] = {"empty": True}
    return TableDraft(
        "Magento 2 catalogue CSV", _PRODUCTS, {**mapping, **({"where": where} if where else {})}, "sure"
    )


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
    columns = _given(
        product_id=names["id"],
        parent_id=next(iter(have("item_group_id")), None),
        title=names["title"],
        description=_text(have("description")),
        category=_categories(look, have("product_type", "google_product_category")),
        brand=next(iter(have("brand")), None),
        price=_one_or_all(have("sale_price", "price")),
        in_stock=next(iter(have("availability")), None),
        image_uris=_one_or_all(have("image_link", "additional_image_link")),
        attributes=attributes,
    )
    return TableDraft("Google Merchant feed", _PRODUCTS, {"columns": columns}, "sure")


def _categories(look: FileLook, names: list[str]) -> Any:
    """The first where each row has it, else all of them."""
    if len(names) > 1 and look.filled.get(names[0], 1.0) < 1.0:
        return names
    return category_feed(look, names[0]) if names else None


_JSON_LD_IDS = ("sku", "productID", "mpn", "gtin13", "gtin", "@id", "url")
_JSON_LD_GROUPS = (
    "productGroupID", "inProductGroupWithID", "isVariantOf.productGroupID", "isVariantOf.@id",
    "isVariantOf.inProductGroupWithID",
)  # fmt: skip


def json_ld(look: FileLook) -> TableDraft | None:
    """Products of schema.org, as JSON-LD; a product group holds its variants, or they name it."""
    nested = "hasVariant" if look.present("hasVariant") else None

    def have(*names: str) -> list[str]:
        """Those that are there, of the variant first."""
        inner = [f"{nested}.{name}" for name in names] if nested else []
        return look.present(*inner, *names)

    ids, groups = have(*_JSON_LD_IDS), look.present(*_JSON_LD_GROUPS)
    if not look.has("@type", "name") or not ids:
        return None
    images = have("image.url", "image.contentUrl") or have("image")
    columns = _given(
        product_id=_one_or_all(ids if nested or groups else ids[:1]),
        parent_id=_feed(groups or (look.present("@id", "url") if nested else [])),
        title=_feed(have("name")),
        description=_text(have("description")),
        category=_feed(have("category.name") or have("category")),
        brand=_feed(have("brand.name") or have("brand", "manufacturer.name")),
        price=_feed(have("offers.price", "offers.lowPrice", "offers.priceSpecification.price")),
        currency=_feed(have("offers.priceCurrency", "offers.priceSpecification.priceCurrency")),
        in_stock=_feed(have("offers.availability")),
        image_uris={"column": images, "first": True} if nested and images else _feed(images),
        lang=_first(look, "inLanguage"),
        attributes={name: _feed(have(name)) for name in ("color", "size", "material") if have(name)},
    )
    where = {"@type": ["Product", "ProductModel", "ProductGroup", "http://schema.org/Product"]}
    mapping = {"columns": columns, "where": where, **({"nested": nested} if nested else {})}
    return TableDraft("schema.org JSON-LD", _PRODUCTS, mapping, "sure")


def _feed(names: list[str]) -> str | list[str] | None:
    return _one_or_all(names) if names else None


SHOP_SYSTEMS = (shopify, shopify_json, woocommerce, magento, google_merchant, json_ld)
