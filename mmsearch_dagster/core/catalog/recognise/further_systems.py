"""Product exports of further shop systems, by their columns: PrestaShop, BigCommerce, Shopware, OpenCart."""

import re
from typing import Any

from mmsearch_dagster.core.catalog.recognise.draft import FileLook, TableDraft
from mmsearch_dagster.core.catalog.recognise.feeds import category_feed, feed_of, first_of, given, html_text

_PRODUCTS = "products"
_AN_ID = re.compile(r"^[0-9a-f]{32}\b|^\d+(?:[|,;]\d+)*$")


def prestashop(look: FileLook) -> TableDraft | None:
    """The product CSV of PrestaShop: what belongs beside a name stands in brackets behind it."""
    active, product_id = first_of(look, "Active (0/1)"), first_of(look, "Product ID", "ID", "Reference #")
    name = first_of(look, "Name *", "Name")
    if active is None or product_id is None or name is None:
        return None
    images = first_of(look, "Image URLs (x,y,z...)")
    categories = first_of(look, "Categories (x,y,z...)")
    features = next(iter(_beginning(look, "Feature")), None)
    columns = given(
        product_id=product_id,
        title=name,
        description=html_text(look.present("Description", "Summary")),
        category={"column": categories, "separator": ","} if categories else None,
        brand=first_of(look, "Manufacturer", "Brand"),
        price=next(iter(_beginning(look, "Price tax")), None),
        in_stock=_sold_without_stock(look, "Quantity", {"Out of stock action": "1"}),
        image_uris={"column": images, "separator": ","} if images else None,
        attributes={"column": features, "pairs": ",", "equals": ":"} if features else _numbers(look),
    )
    mapping = {"columns": columns, "where": {active: {"not": ["0"]}}}
    return TableDraft("PrestaShop product CSV", _PRODUCTS, mapping, "sure")


def _numbers(look: FileLook) -> dict[str, str]:
    """Numbers that a product is searched by."""
    names = {
        "sku": ("Reference #", "product_number", "sku"),
        "ean": ("EAN13", "ean"),
        "mpn": ("MPN", "mpn", "model"),
    }
    columns = {name: first_of(look, *wanted) for name, wanted in names.items()}
    return {name: column for name, column in columns.items() if column}


def _beginning(look: FileLook, start: str) -> list[str]:
    return [name for name in look.present(*look.columns) if name.startswith(start)]


def _sold_without_stock(look: FileLook, stock: str, when: dict[str, Any]) -> dict[str, Any] | str | None:
    """The stock; a product is in stock without any where all of `when` holds."""
    if not look.present(stock):
        return None
    if not look.present(*when):
        return stock
    return {"cases": [{"where": when, "value": True}], "column": stock}


def bigcommerce(look: FileLook) -> TableDraft | None:
    """The product CSV of BigCommerce: the rows of its SKUs stand below the row of their product."""
    if not look.has("Item Type", "Product ID", "Product Name"):
        return None
    sku = first_of(look, "Product Code/SKU")
    pictures = [name for name in look.present(*look.columns) if name.startswith("Product Image URL")]
    pictures = pictures or [
        name for name in look.present(*look.columns) if name.startswith("Product Image File")
    ]
    stock = first_of(look, "Current Stock Level", "Stock Level")
    columns = given(
        product_id=feed_of(look.present("Product ID", "Product Code/SKU")),
        parent_id={"column": "Product ID", "above": True} if sku else None,
        # Of a SKU the name is its options: `[S]Color=Black`.
        title={"column": "Product Name", "pattern": r"^([^\[].*)$"},
        description=html_text(look.present("Product Description")),
        category=category_feed(look, first_of(look, "Category")),
        brand=first_of(look, "Brand Name"),
        price=feed_of(look.present("Sale Price", "Price")),
        in_stock=_sold_without_stock(look, stock, {"Track Inventory": ["none", "N"]}) if stock else None,
        image_uris=feed_of(pictures),
        attributes={"column": "Product Name", "pattern": r"^(\[.*)$", "pairs": ",", "equals": "="},
    )
    mapping: dict[str, Any] = {"columns": columns, "where": {"Item Type": ["Product", "SKU"]}}
    if look.present("Product Visible?"):
        mapping["where_product"] = {"Product Visible?": {"not": ["N", "FALSE", "0"]}}
    return TableDraft("BigCommerce product CSV", _PRODUCTS, mapping, "sure")


def shopware(look: FileLook) -> TableDraft | None:
    """Products of Shopware 6: a variant names the id of its product and has only what differs."""
    if not look.has("id", "product_number", "name") or not look.present("price_gross", "price_net", "stock"):
        return None
    columns = given(
        product_id="id",
        parent_id=first_of(look, "parent_id"),
        title="name",
        description=html_text(look.present("description")),
        category=_named_categories(look, "categories"),
        brand=first_of(look, "manufacturer_name"),
        price=first_of(look, "price_gross", "price_net"),
        in_stock=first_of(look, "stock"),
        image_uris=first_of(look, "cover_media_url"),
        attributes=_numbers(look),
    )
    where = {"where": {"active": {"not": ["0", "false"]}}} if look.present("active") else {}
    return TableDraft("Shopware 6 product CSV", _PRODUCTS, {"columns": columns, **where}, "sure")


def _named_categories(look: FileLook, column: str) -> Any:
    """Categories, unless only their ids stand there: those say nothing to a shopper."""
    return None if _AN_ID.match(look.examples.get(column, "0")) else category_feed(look, column)


def shopware_5(look: FileLook) -> TableDraft | None:
    """Products of Shopware 5: the main number groups variants."""
    if not look.has("ordernumber", "mainnumber", "name"):
        return None
    options = first_of(look, "configuratorOptions")
    columns = given(
        product_id="ordernumber",
        parent_id="mainnumber",
        title="name",
        description=html_text(look.present("description_long", "description")),
        category=_named_categories(look, "categories"),
        brand=first_of(look, "supplier"),
        price=first_of(look, "price_EK", "price"),
        in_stock=first_of(look, "instock"),
        image_uris=first_of(look, "imageUrl"),
        attributes={"column": options, "pairs": "|", "equals": ":"} if options else None,
    )
    where = {"where": {"active": {"not": ["0"]}}} if look.present("active") else {}
    return TableDraft("Shopware 5 product CSV", _PRODUCTS, {"columns": columns, **where}, "sure")


def opencart(look: FileLook) -> TableDraft | None:
    """Products of OpenCart: `stock_status` is shown when there is no stock, so the quantity counts."""
    if not look.has("product_id", "name", "model") or not look.present("image_name", "additional_images"):
        return None
    columns = given(
        product_id="product_id",
        title="name",
        description=html_text(look.present("description")),
        category=category_feed(look, first_of(look, "categories")),
        brand=first_of(look, "manufacturer"),
        price=first_of(look, "price"),
        in_stock=first_of(look, "quantity"),
        image_uris=feed_of(look.present("image_name", "additional_images")),
        updated_at=first_of(look, "date_modified"),
        attributes=_numbers(look),
    )
    where = {"where": {"status": {"not": ["0", "false"]}}} if look.present("status") else {}
    return TableDraft("OpenCart product CSV", _PRODUCTS, {"columns": columns, **where}, "sure")


FURTHER_SYSTEMS = (prestashop, bigcommerce, shopware, shopware_5, opencart)
