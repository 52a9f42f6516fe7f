"""A mapping by the names of columns alone, for an export of no known system."""

import re
from typing import Any

from mmsearch_dagster.core.catalog.columns import CATEGORY, DESCRIPTION, IMAGE_URIS, REQUIRED
from mmsearch_dagster.core.catalog.recognise.behaviour_exports import plain_name
from mmsearch_dagster.core.catalog.recognise.draft import FileLook, TableDraft
from mmsearch_dagster.core.catalog.recognise.feeds import category_feed
from mmsearch_dagster.core.catalog.row_rules import NEEDS_ANY
from mmsearch_dagster.core.catalog.schemas import TABLES

# Contract column -> what exports call it, in small letters with underscores.
_NAMES: dict[str, tuple[str, ...]] = {
    "product_id": (
        "product_id", "sku", "id", "item_id", "article_number", "article_id", "productid", "asin",
        "item_number", "artikelnummer", "art_nr", "artikelnr", "ordernumber", "product_number", "matnr",
        "materialnummer", "material", "reference", "referencia", "codice", "product_code", "code", "model",
        "商品编号", "货号", "编号", "артикул",
    ),
    "title": (
        "title", "name", "product_name", "product_title", "item_name", "titel", "bezeichnung", "artikelname",
        "artikelbezeichnung", "produktname", "maktx", "materialkurztext", "kurztext", "nom", "designation",
        "libelle", "nombre", "titulo", "nome", "titolo", "naam", "omschrijving", "商品名称", "名称", "标题",
        "название", "наименование",
        "review_title", "review_headline", "headline",
    ),
    "description": (
        "description", "long_description", "body", "body_html", "text", "beschreibung", "desc",
        "langtext", "artikelbeschreibung", "summary", "short_description", "descripcion", "descrizione",
        "descricao", "描述", "商品描述", "описание",
    ),
    "category": (
        "category", "categories", "product_type", "category_path", "kategorie", "kategorien", "breadcrumb",
        "department", "warengruppe", "produktgruppe", "categorie", "rubrique", "categoria", "categorias",
        "类目", "分类", "商品分类", "категория",
    ),
    "brand": (
        "brand", "manufacturer", "vendor", "marke", "hersteller", "marque", "brand_name", "manufacturer_name",
        "supplier", "lieferant", "fabricant", "marca", "fabricante", "merk", "品牌", "бренд",
    ),
    "price": (
        "price", "sale_price", "final_price", "regular_price", "preis", "prix", "precio", "selling_price",
        "price_gross", "price_tax_included", "price_incl_tax", "price_tax_incl", "price_tax_excluded",
        "verkaufspreis", "bruttopreis", "vk_brutto", "vkp", "vk", "prix_ttc", "prix_de_vente", "pvp",
        "prezzo", "preco", "prijs", "价格", "售价", "цена", "unit_price", "list_price", "retail_price",
        "price_net",
    ),
    "currency": (
        "currency", "price_currency", "waehrung", "devise", "moneda", "valuta", "moeda", "currency_code",
    ),
    "image_uris": (
        "image_uris", "images", "image", "image_url", "image_urls", "image_link", "picture", "bild",
        "img", "photo", "image_1", "main_image", "imageurl",
        "image_name", "image_file", "bilder", "bild_url", "bildurl", "bilddatei", "cover_media_url",
        "pictures", "photos", "thumbnail", "imagen", "imagenes", "immagine", "immagini", "imagem",
        "afbeelding", "图片", "主图", "фото",
    ),
    "audio_uri": ("audio_uri", "audio", "audio_url"),
    "video_uri": ("video_uri", "video", "video_url"),
    "lang": ("lang", "language", "locale"),
    "in_stock": (
        "in_stock", "availability", "stock", "stock_status", "is_in_stock", "quantity", "qty", "lager",
        "inventory", "available", "instock", "stock_level", "current_stock_level", "stock_quantity",
        "inventory_quantity", "bestand", "lagerbestand", "verfuegbar", "verfuegbarkeit", "quantite",
        "disponibilite", "existencias", "cantidad", "giacenza", "disponibilita", "estoque", "voorraad",
        "库存", "наличие", "остаток",
    ),
    "parent_id": ("parent_id", "parent_sku", "item_group_id", "style_id", "mainnumber", "group_id"),
    "updated_at": ("updated_at", "modified", "last_modified", "date_modified", "updated", "changed",
        "geaendert", "aenderungsdatum", "date_updated"),
    "attributes": ("attributes", "additional_attributes", "specifications", "specs"),
    "query_id": ("query_id", "qid", "search_id", "topic"),
    "query_text": ("query_text", "query", "search_term", "keyword", "keywords", "search_query", "q"),
    "grade": ("grade", "relevance", "rel", "label", "judgment", "score"),
    "rating": (
        "rating", "stars", "score", "overall", "rating_value", "star_rating", "review_rating",
        "review_score", "rating_score", "bewertung",
    ),
    "text": (
        "text", "review", "review_text", "body", "comment", "reviewtext", "review_body",
        "review_content", "content", "detail", "kommentar",
    ),
    "review_id": ("review_id",),
    "user_id": ("user_id", "customer_id", "reviewer_id", "user", "reviewerid", "author"),
    "timestamp": ("timestamp", "date", "time", "created_at", "review_date", "unixreviewtime"),
    "split": ("split",),
}  # fmt: skip
# A file with one of these holds what people wrote about products, never the products.
_ABOUT_PRODUCTS = {
    "review",
    "review_id",
    "review_text",
    "review_body",
    "reviewer",
    "reviewer_id",
    "reviewtext",
}
# `Categories (x,y,z...)`, `Name *`.
_BESIDE_A_NAME = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|[*#]")
_PREFIX = re.compile(r"^(?:product|item|artikel)_")
# What the address of a picture is called inside an object.
_ADDRESSES = ("src", "url", "href", "image", "contentUrl")
# The table with the most demanding columns first.
_ORDER = ("judgments", "reviews", "searches", "products")


def by_names(look: FileLook) -> TableDraft | None:
    """The first table all of whose required columns have a name in the file; None where there is none.

    Args:
        look: the file.
    """
    reviewed = _ABOUT_PRODUCTS & {plain_name(column) for column in look.columns}
    for table in [name for name in _ORDER if not (reviewed and name == "products")]:
        columns = _columns(look, table)
        choice = NEEDS_ANY.get(table, ())
        if set(REQUIRED[table]) <= set(columns) and (not choice or set(choice) & set(columns)):
            return TableDraft(f"{table} by the names of columns", table, {"columns": columns}, "guess")
    return None


def _names_of(look: FileLook, table: str) -> dict[str, str]:
    """Plain name -> column; of products also without what stands in brackets and without `product_`."""
    names = {plain_name(column): column for column in reversed(look.columns)}
    if table != "products":
        return names
    bare = {plain_name(_BESIDE_A_NAME.sub("", column)): column for column in reversed(look.columns)}
    return {_PREFIX.sub("", name): column for name, column in bare.items()} | bare | names


def _columns(look: FileLook, table: str) -> dict[str, Any]:
    names = _names_of(look, table)
    columns: dict[str, Any] = {}
    used: set[str] = set()
    for contract in TABLES[table]:
        for name in _NAMES.get(contract, (contract,)):
            column = names.get(name)
            if column is not None and column not in used and look.present(column):
                columns[contract] = _feed(look, contract, column)
                used.add(column)
                break
    return columns


def _feed(look: FileLook, contract: str, column: str) -> Any:
    """Descriptions may hold markup; of pictures that are objects their address is meant."""
    if contract == DESCRIPTION:
        return {"column": column, "html": True}
    if contract == CATEGORY:
        return category_feed(look, column)
    if contract == IMAGE_URIS:
        return next(iter(look.present(*(f"{column}.{key}" for key in _ADDRESSES))), column)
    return column
