"""The same goods as the large shop systems export them. `base`: where pictures lie, ending in a slash."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from tests.exports.goods import Goods, Variant

Export = Callable[[Sequence[Goods], str], str]


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], separator: str = ",") -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", delimiter=separator, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def shopify(goods: Sequence[Goods], base: str) -> str:
    """Admin > Products > Export: what belongs to the product stands in the first row of its handle."""
    columns = (
        "Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published",
        "Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value", "Variant SKU", "Variant Grams",
        "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy",
        "Variant Fulfillment Service", "Variant Price", "Variant Compare At Price", "Variant Barcode",
        "Image Src", "Image Position", "Image Alt Text", "Gift Card", "SEO Title", "Variant Image", "Status",
    )  # fmt: skip
    return _csv(columns, (row for product in goods for row in _shopify_rows(product, base)))


def _shopify_rows(product: Goods, base: str) -> Iterable[dict[str, Any]]:
    pictures = list(dict.fromkeys(variant.picture for variant in product.variants))
    single = len(product.variants) == 1
    for number in range(max(len(product.variants), len(pictures))):
        row: dict[str, Any] = {"Handle": product.key}
        if number == 0:
            row |= {
                "Title": product.title, "Body (HTML)": product.html, "Vendor": product.brand,
                "Type": product.levels[-1], "Tags": f"{product.gender}, {product.material}",
                "Product Category": " > ".join(product.levels), "Published": "true",
                "Gift Card": "false", "Status": "draft" if product.number % 40 == 39 else "active",
                "Option1 Name": "Title" if single else "Color", "Option2 Name": "" if single else "Size",
            }  # fmt: skip
        if number < len(product.variants):
            variant = product.variants[number]
            row |= {
                "Option1 Value": "Default Title" if single else variant.color.title(),
                "Option2 Value": "" if single else variant.size,
                "Variant SKU": f"'{variant.sku}" if product.number % 50 == 0 else variant.sku,
                "Variant Grams": 250, "Variant Inventory Tracker": "shopify",
                "Variant Inventory Qty": variant.stock,
                "Variant Inventory Policy": "continue" if product.number % 9 == 0 else "deny",
                "Variant Fulfillment Service": "manual",
                "Variant Price": f"{variant.sale_price or variant.price:.2f}",
                "Variant Compare At Price": f"{variant.price:.2f}" if variant.sale_price else "",
                "Variant Image": base + variant.picture,
            }  # fmt: skip
        if number < len(pictures):
            row |= {"Image Src": base + pictures[number], "Image Position": number + 1}
        yield row


def woocommerce(goods: Sequence[Goods], base: str) -> str:
    """Products > Export: a variable product, then its variations; decimal commas, as shops in Europe have."""
    columns = (
        "ID", "Type", "SKU", "Name", "Published", "Is featured?", "Visibility in catalog",
        "Short description", "Description", "Tax status", "In stock?", "Stock", "Sale price",
        "Regular price", "Categories", "Tags",
        "Images", "Parent", "Brands", "Attribute 1 name", "Attribute 1 value(s)", "Attribute 1 visible",
        "Attribute 1 global", "Attribute 2 name", "Attribute 2 value(s)", "Attribute 2 visible",
        "Attribute 2 global",
    )  # fmt: skip
    return "\ufeff" + _csv(columns, (row for product in goods for row in _woocommerce_rows(product, base)))


def _comma(amount: float | None) -> str:
    return "" if amount is None else f"{amount:.2f}".replace(".", ",")


def _woocommerce_rows(product: Goods, base: str) -> Iterable[dict[str, Any]]:
    number = 100 + 20 * product.number
    pictures = list(dict.fromkeys(variant.picture for variant in product.variants))
    paths = [" > ".join(product.levels[:depth]) for depth in range(1, len(product.levels) + 1)]
    shown = {"Visibility in catalog": "visible", "Tax status": "taxable", "Is featured?": 0}
    whole = {
        "ID": number, "Name": product.title, "Published": 0 if product.number % 40 == 39 else 1,
        "Short description": f"By {product.brand}", "Description": product.html.replace("\n", "\\n"),
        "Categories": ", ".join(path.replace(",", "\\,") for path in paths), "Tags": product.gender,
        "Images": ", ".join(base + name for name in pictures), "Brands": product.brand, **shown,
    }  # fmt: skip
    if len(product.variants) == 1:
        variant = product.variants[0]
        yield {**whole, "Type": "simple", "SKU": variant.sku, **_woocommerce_offer(variant)}
        return
    names = {"Attribute 1 name": "Color", "Attribute 2 name": "Size"}
    colors = dict.fromkeys(variant.color.title() for variant in product.variants)
    sizes = dict.fromkeys(variant.size for variant in product.variants)
    sku = "" if product.number % 3 == 0 else f"P{product.number:05d}"
    yield {
        **whole, **names, "Type": "variable", "SKU": sku, "In stock?": 1,
        "Attribute 1 value(s)": ", ".join(colors), "Attribute 2 value(s)": ", ".join(sizes),
    }  # fmt: skip
    for place, variant in enumerate(product.variants, start=1):
        yield {
            "ID": number + place, "Type": "variation", "SKU": variant.sku, "Published": 1,
            "Name": f"{product.title} - {variant.color.title()}, {variant.size}",
            "Parent": sku or f"id:{number}", "Images": base + variant.picture, **names, **shown,
            "Attribute 1 value(s)": variant.color.title(), "Attribute 2 value(s)": variant.size,
            **_woocommerce_offer(variant),
        }  # fmt: skip


def _woocommerce_offer(variant: Variant) -> dict[str, Any]:
    return {
        "In stock?": int(variant.stock > 0),
        "Stock": variant.stock,
        "Sale price": _comma(variant.sale_price),
        "Regular price": _comma(variant.price),
    }


def magento(goods: Sequence[Goods], base: str) -> str:
    """System > Data Transfer > Export: simple products first, then the configurable one that lists them."""
    columns = (
        "sku", "store_view_code", "attribute_set_code", "product_type", "categories", "product_websites",
        "name", "description", "short_description", "weight", "product_online", "tax_class_name",
        "visibility", "price",
        "special_price", "url_key", "base_image", "small_image", "thumbnail_image",
        "additional_images", "additional_attributes", "qty", "is_in_stock", "configurable_variations",
        "configurable_variation_labels",
    )  # fmt: skip
    return _csv(columns, (row for product in goods for row in _magento_rows(product)))


def _magento_rows(product: Goods) -> Iterable[dict[str, Any]]:
    paths = [
        "/".join(("Default Category", *product.levels[:depth])) for depth in range(1, len(product.levels) + 1)
    ]
    whole = {
        "attribute_set_code": product.levels[-1], "categories": ",".join(paths), "product_websites": "base",
        "description": product.html, "short_description": f"<p>By {product.brand}</p>", "weight": "1.000000",
        "product_online": 2 if product.number % 40 == 39 else 1, "tax_class_name": "Taxable Goods",
        "url_key": product.key,
    }  # fmt: skip
    single = len(product.variants) == 1
    for variant in product.variants:
        name = product.title if single else f"{product.title}-{variant.color.title()}-{variant.size}"
        yield {
            **whole, **_magento_pictures([variant.picture]), "sku": variant.sku, "name": name,
            "product_type": "simple", "price": f"{variant.price:.6f}", "qty": f"{variant.stock}.0000",
            "special_price": f"{variant.sale_price:.6f}" if variant.sale_price else "",
            "visibility": "Catalog, Search" if single else "Not Visible Individually",
            "is_in_stock": int(variant.stock > 0),
            "additional_attributes": _magento_attributes(product, variant),
        }  # fmt: skip
    if single:
        return
    listed = "|".join(f"sku={one.sku},color={one.color.title()},size={one.size}" for one in product.variants)
    pictures = list(dict.fromkeys(variant.picture for variant in product.variants))
    yield {
        **whole, **_magento_pictures(pictures), "sku": f"C{product.number:05d}", "name": product.title,
        "product_type": "configurable", "visibility": "Catalog, Search", "qty": "0.0000", "is_in_stock": 1,
        "configurable_variations": listed, "configurable_variation_labels": "color=Color,size=Size",
        "additional_attributes": f"brand={product.brand},material={product.material}",
    }  # fmt: skip


def _magento_pictures(names: list[str]) -> dict[str, str]:
    paths = [f"/{name[0]}/{name[1]}/{name}" for name in names]
    first = dict.fromkeys(("base_image", "small_image", "thumbnail_image"), paths[0])
    return {**first, "additional_images": ",".join(paths)}


def _magento_attributes(product: Goods, variant: Variant) -> str:
    size = variant.size.replace('"', '""')
    return f"brand={product.brand},color={variant.color.title()},material={product.material},size={size}"


def _offers(goods: Sequence[Goods]) -> Iterable[tuple[Goods, Variant]]:
    return ((product, variant) for product in goods for variant in product.variants)


def _merchant(product: Goods, variant: Variant, base: str) -> dict[str, str]:
    group = {"item_group_id": product.key} if len(product.variants) > 1 else {}
    sale = {"sale_price": f"{variant.sale_price:.2f} EUR"} if variant.sale_price else {}
    return {
        "id": variant.sku, "title": product.title, "description": product.html, "brand": product.brand,
        "link": f"https://shop.example/{product.key}?v={variant.sku}", "image_link": base + variant.picture,
        "availability": "in_stock" if variant.stock else "out_of_stock", "price": f"{variant.price:.2f} EUR",
        "condition": "new", "gtin": f"{4_000_000_000_000 + 10 * product.number}", **group, **sale,
        "google_product_category": "166" if product.number % 3 else "",
        "product_type": " > ".join(product.levels), "color": variant.color.title(), "size": variant.size,
        "material": product.material, "gender": "" if product.gender in ("kids", "men") else product.gender,
    }  # fmt: skip


def merchant_tsv(goods: Sequence[Goods], base: str) -> str:
    """A feed as a text file."""
    rows = [_merchant(product, variant, base) for product, variant in _offers(goods)]
    flat = [{name: value.replace("\n", " ") for name, value in row.items()} for row in rows]
    return _csv(list(dict.fromkeys(name for row in rows for name in row)), flat, "\t")


def merchant_xml(goods: Sequence[Goods], base: str) -> str:
    """A feed as RSS 2.0."""
    items = "\n".join(
        "<item>" + "".join(_element(name, value) for name, value in row.items() if value) + "</item>"
        for row in (_merchant(product, variant, base) for product, variant in _offers(goods))
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">'
        f"<channel><title>Made shop</title><link>https://shop.example</link>\n{items}\n</channel></rss>\n"
    )


def _element(name: str, value: str) -> str:
    tag = name if name in ("title", "link", "description") else f"g:{name}"
    text = f"<![CDATA[{value}]]>" if name == "description" else escape(value)
    return f"<{tag}>{text}</{tag}>"


def json_ld(goods: Sequence[Goods], base: str) -> str:
    """schema.org, a graph of product groups, each with its variants, and of single products."""
    graph = [_group(product, base) for product in goods]
    return json.dumps({"@context": "https://schema.org/", "@graph": graph}, ensure_ascii=False, indent=1)


def _group(product: Goods, base: str) -> dict[str, Any]:
    variants = [_product(product, variant, base) for variant in product.variants]
    whole = {
        "name": product.title, "description": product.html, "category": " > ".join(product.levels),
        "brand": {"@type": "Brand", "name": product.brand}, "material": product.material, "inLanguage": "en",
    }  # fmt: skip
    if len(variants) == 1:
        return {**whole, **variants[0], "name": product.title}
    return {
        "@type": "ProductGroup", "@id": f"https://shop.example/{product.key}", "productGroupID": product.key,
        "variesBy": ["https://schema.org/color", "https://schema.org/size"], **whole, "hasVariant": variants,
    }  # fmt: skip


def _product(product: Goods, variant: Variant, base: str) -> dict[str, Any]:
    stock = "InStock" if variant.stock else "OutOfStock"
    return {
        "@type": "Product", "sku": variant.sku, "color": variant.color.title(), "size": variant.size,
        "name": f"{product.title} {variant.color.title()} {variant.size}", "image": [base + variant.picture],
        "offers": {
            "@type": "Offer", "price": f"{variant.sale_price or variant.price:.2f}", "priceCurrency": "EUR",
            "availability": f"https://schema.org/{stock}",
        },
    }  # fmt: skip
