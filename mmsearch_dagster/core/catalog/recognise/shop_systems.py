"""Product exports of the large shop systems, by their columns."""

import re
from typing import Any

from mmsearch_dagster.core.catalog.mapping.expressions import NO_OPTION
from mmsearch_dagster.core.catalog.recognise.draft import BESIDE, FileLook, TableDraft, inputs_of
from mmsearch_dagster.core.catalog.recognise.feeds import (
    category_feed,
    feed_of,
    first_of,
    given,
    html_text,
    numbered,
)

_PRODUCTS = "products"


def shopify(look: FileLook) -> TableDraft | None:
    """A product CSV of Shopify: each row is a variant of its handle, or a further picture."""
    if not look.has("Handle", "Title") or not look.present("Variant Price", "Variant SKU", "Image Src"):
        return None
    attributes = numbered(look, "Option# Name", "Option# Value")
    category = ("Product Category", "Standard Product Type", "Type", "Custom Product Type")
    columns = given(
        product_id=_shopify_id(look),
        parent_id="Handle",
        title="Title",
        description=html_text(look.present("Body (HTML)")),
        brand=first_of(look, "Vendor"),
        category=category_feed(look, first_of(look, *category)),
        price=first_of(look, "Variant Price"),
        in_stock=_shopify_stock(look),
        image_uris=_shopify_pictures(look),
        attributes=attributes,
    ) | _shopify_numbers(look)
    shown = look.present("Status") or look.present("Published")
    of_handle = look.present("Title", "Body (HTML)", "Vendor", *category, *shown)
    mapping: dict[str, Any] = {"columns": columns, "fill": [*of_handle, *(attributes or {}).get("names", [])]}
    if look.present("Image Src"):
        mapping["joins"] = [{"name": BESIDE.rstrip("."), "key": "Handle"}]
    where: dict[str, Any] = {}
    if look.present("Variant Price"):
        where["Variant Price"] = {"empty": False}
    if shown:
        where[shown[0]] = {"not": ["draft", "archived"] if shown == ["Status"] else ["false", "FALSE"]}
    return TableDraft("Shopify product CSV", _PRODUCTS, {**mapping, "where": where}, "sure")


def shopify_json(look: FileLook) -> TableDraft | None:
    """Products as the API of Shopify gives them: each with its variants."""
    if not look.has("title", "variants") or not look.present("variants.price", "variants.sku"):
        return None
    number = "variants.sku" if look.filled.get("variants.sku", 0.0) >= 1.0 else "variants.id"
    own, images = look.present("variants.featured_image.src"), look.present("images.src")
    options = look.present("variants.option1", "variants.option2", "variants.option3")
    numbers = look.present("variants.sku", "variants.barcode")
    columns = given(
        product_id=next(iter(look.present(number, "variants.id", "variants.sku")), None),
        parent_id=first_of(look, "handle", "id"),
        title="title",
        description=html_text(look.present("body_html", "description")),
        brand=first_of(look, "vendor"),
        category=category_feed(look, first_of(look, "product_type")),
        price=first_of(look, "variants.price"),
        in_stock=first_of(look, "variants.available", "variants.inventory_quantity"),
        image_uris={"column": [*own, *images], "first": True} if own else feed_of(images),
        attributes={name.removeprefix("variants."): name for name in (*options, *numbers)},
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


def _shopify_numbers(look: FileLook) -> dict[str, Any]:
    """The numbers besides its id that a variant is asked for by, without the apostrophe of a spreadsheet."""
    columns = {"sku": "Variant SKU", "barcode": "Variant Barcode"}
    return {
        f"attributes.{key}": {"column": column, "pattern": "^'?(.+)$"}
        for key, column in columns.items()
        if look.present(column) and column not in inputs_of(_shopify_id(look))
    }


def _shopify_pictures(look: FileLook) -> dict[str, Any] | str | None:
    """The picture of the variant, else those of the product, which stand in all rows of its handle."""
    if not look.present("Image Src"):
        return None
    of_product = f"{BESIDE}Image Src"
    own = look.present("Variant Image")
    return {"column": [*own, of_product], "first": True} if own else of_product


def _shopify_stock(look: FileLook) -> dict[str, Any] | str | None:
    """A product without stock can be bought where the policy is to go on selling."""
    quantity = first_of(look, "Variant Inventory Qty")
    if quantity is None or not look.present("Variant Inventory Policy"):
        return quantity
    selling = {"where": {"Variant Inventory Policy": "continue"}, "value": True}
    return {"cases": [selling], "column": quantity}


def woocommerce(look: FileLook) -> TableDraft | None:
    """A product CSV of WooCommerce: variations name their parent."""
    if not look.has("ID", "Type", "SKU", "Name"):
        return None
    parent = first_of(look, "Parent")
    columns = given(
        product_id=feed_of(look.present("SKU", "ID")),
        parent_id={"column": parent, "pattern": "^(?:id:)?(.+)$"} if parent else None,
        title="Name",
        description=html_text(look.present("Description", "Short description")),
        category=category_feed(look, first_of(look, "Categories")),
        brand=first_of(look, "Brands", "Brand"),
        price=feed_of(look.present("Sale price", "Regular price")) if look.present("Regular price") else None,
        in_stock=first_of(look, "In stock?", "Stock"),
        image_uris=first_of(look, "Images"),
        attributes=numbered(look, "Attribute # name", "Attribute # value(s)"),
        **{"attributes.gtin": first_of(look, "GTIN, UPC, EAN, or ISBN")},
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
    columns = given(
        product_id="sku",
        title="name",
        description=html_text(look.present("description", "short_description")),
        category=category_feed(look, first_of(look, "categories"), any_root=True),
        price=feed_of(look.present("special_price", "price")),
        in_stock=first_of(look, "is_in_stock", "qty"),
        image_uris={"column": feed_of(images), "separator": ","} if images else None,
        attributes=first_of(look, "additional_attributes"),
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
    columns = given(
        product_id=names["id"],
        parent_id=next(iter(have("item_group_id")), None),
        title=names["title"],
        description=html_text(have("description")),
        category=_categories(look, have("product_type", "google_product_category")),
        brand=next(iter(have("brand")), None),
        price=feed_of(have("sale_price", "price")),
        in_stock=next(iter(have("availability")), None),
        image_uris=feed_of(have("image_link", "additional_image_link")),
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
    columns = given(
        product_id=feed_of(ids if nested or groups else ids[:1]),
        parent_id=feed_of(groups or (look.present("@id", "url") if nested else [])),
        title=feed_of(have("name")),
        description=html_text(have("description")),
        category=feed_of(have("category.name") or have("category")),
        brand=feed_of(have("brand.name") or have("brand", "manufacturer.name")),
        price=feed_of(have("offers.price", "offers.lowPrice", "offers.priceSpecification.price")),
        currency=feed_of(have("offers.priceCurrency", "offers.priceSpecification.priceCurrency")),
        in_stock=feed_of(have("offers.availability")),
        image_uris={"column": images, "first": True} if nested and images else feed_of(images),
        lang=first_of(look, "inLanguage"),
        attributes={name: feed_of(have(name)) for name in ("color", "size", "material") if have(name)},
    )
    where = {"@type": ["Product", "ProductModel", "ProductGroup", "http://schema.org/Product"]}
    mapping = {"columns": columns, "where": where, **({"nested": nested} if nested else {})}
    return TableDraft("schema.org JSON-LD", _PRODUCTS, mapping, "sure")


SHOP_SYSTEMS = (shopify, shopify_json, woocommerce, magento, google_merchant, json_ld)
