"""A mapping by the names of columns alone, for an export of no known system."""

import re
from typing import Any

from mmsearch_dagster.core.catalog.columns import CATEGORY, DESCRIPTION, IMAGE_URIS, REQUIRED
from mmsearch_dagster.core.catalog.recognise.behaviour_exports import plain_name
from mmsearch_dagster.core.catalog.recognise.draft import FileLook, TableDraft, inputs_of
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
        "artikelbezeichnung", "produktname", "maktx", "materialkurztext", "kurztext", "kurzbezeichnung",
        "kurzbez", "produktbezeichnung", "nom", "nom_du_produit", "produit", "designation",
        "libelle", "product", "nombre", "titulo", "nome", "titolo", "naam", "omschrijving", "商品名称",
        "名称", "标题", "название", "наименование",
        "review_title", "review_headline", "headline",
    ),
    "description": (
        "description", "long_description", "body", "body_html", "text", "beschreibung", "desc",
        "langtext", "artikelbeschreibung", "summary", "short_description", "features", "descripcion",
        "descrizione", "descricao", "描述", "商品描述", "卖点", "规格", "specification", "описание",
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
        "verkaufspreis", "bruttopreis", "vk_brutto", "brutto_vk", "endpreis", "vkp", "vk", "prix_ttc",
        "prix_de_vente", "pvp", "prezzo", "preco", "prijs", "价格", "售价", "цена", "unit_price",
        "list_price", "retail_price", "price_net", "vk_netto", "netto_vk", "nettopreis", "prix_ht",
        "uvp", "rrp", "msrp",
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
# What names a product where no column of `product_id` does, in the order of how well.
_NUMBERS = ("gtin", "ean", "ean13", "barcode", "upc", "isbn", "isbn13", "mpn", "asin", "strichcode", "条码")
# Further columns of products that are attributes by their name, whatever their values.
_SIZES = (
    "size", "groesse", "taille", "talla", "taglia", "tamanho", "maat", "尺码", "尺寸", "pack_size", "unit",
    "einheit", "inhalt", "volume", "weight", "gewicht", "contenance", "volumen", "packung",
)  # fmt: skip
_ATTRIBUTES = (
    *_NUMBERS, "sku", *_SIZES, "color", "colour", "farbe", "couleur", "colore", "cor", "kleur", "颜色",
    "цвет", "material", "materiau", "materiale", "材质", "gender", "geschlecht", "genre", "genero", "sex",
    "性别", "author", "autor", "auteur", "autore", "作者", "publisher", "verlag", "editeur", "出版社",
    "format", "origin", "herkunft", "origine", "origen", "产地", "vintage", "jahrgang",
)  # fmt: skip
# Columns with few values that say nothing to a shopper, by a part of their name.
_INTERNAL = re.compile(
    r"status|active|visib|publish|tax|steuer|tva|vat|created|updated|date|datum|user|currency|tracker|policy|"
    r"courier|shipping|versand|margin|marge|cost"
)
# Without an id, a name alone may be that of anything; beside one of these it is that of a product.
_OF_PRODUCTS = ("price", "in_stock", "image_uris", "brand", "category")
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
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
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
        if table == "products":
            columns = _with_attributes(look, _with_id(look, columns))
        choice = NEEDS_ANY.get(table, ())
        if set(REQUIRED[table]) <= set(columns) and (not choice or set(choice) & set(columns)):
            return TableDraft(f"{table} by the names of columns", table, {"columns": columns}, "guess")
    return None


def what_is_missing(look: FileLook) -> str:
    """Why a file of no known system cannot be mapped as products, by what no column is called.

    Args:
        look: the file.
    """
    columns = _with_id(look, _columns(look, "products"))
    titled = "products" not in NEEDS_ANY or set(NEEDS_ANY["products"]) & set(columns)
    missing = [
        name
        for name, there in (("the product's id", "product_id" in columns), ("its title or picture", titled))
        if not there
    ]
    if not missing:
        return "columns that may be of products or of what people wrote about them"
    return f"no column whose name says that it holds {' or '.join(missing)}"


def _names_of(look: FileLook, table: str) -> dict[str, str]:
    """Plain name -> column; `productName` as `product_name`. Of products also without what stands in brackets
    and without `product_`."""
    written = [*reversed(look.columns)]
    split = {column: _CAPITAL.sub("_", column) for column in written}
    names = {plain_name(split[column]): column for column in written}
    names |= {plain_name(column): column for column in written}
    if table != "products":
        return names
    bare = {plain_name(_BESIDE_A_NAME.sub("", split[column])): column for column in written}
    bare |= {plain_name(_BESIDE_A_NAME.sub("", column)): column for column in written}
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


def _with_id(look: FileLook, columns: dict[str, Any]) -> dict[str, Any]:
    """The columns with an id: of several the one that names each row, else a GTIN, else the title."""
    names = _names_of(look, "products")
    used = {column for feed in columns.values() for column in inputs_of(feed)} - {columns.get("product_id")}
    ids = [names[name] for name in _NAMES["product_id"] if name in names and names[name] not in used]
    best = [column for column in ids if _names_each_row(look, column)]
    if best or "product_id" in columns:
        return {**columns, "product_id": best[0]} if best else columns
    title = columns.get("title")
    numbers = [names[name] for name in _NUMBERS if name in names and names[name] in look.unique]
    if title is None or not (numbers or set(_OF_PRODUCTS) & set(columns)):
        return columns
    return {"product_id": _made_id(look, title, look.present(*numbers)[:1], names), **columns}


def _names_each_row(look: FileLook, column: str) -> bool:
    return column in look.unique and look.filled.get(column, 1.0) >= 1.0


def _made_id(look: FileLook, title: str, number: list[str], names: dict[str, str]) -> Any:
    """A number, and where it is empty the title; a title that stands twice goes with its size."""
    if number:
        return number[0] if _names_each_row(look, number[0]) else [number[0], title]
    sizes = look.present(*(names[name] for name in _SIZES if name in names))
    if title in look.unique or not sizes:
        return title
    return {"template": f"{{{title}}} {{{sizes[0]}}}"}


def _with_attributes(look: FileLook, columns: dict[str, Any]) -> dict[str, Any]:
    """The columns with what else a shopper may ask for, each under its own name."""
    if "attributes" in columns or not columns:
        return columns
    used = {column for feed in columns.values() for column in inputs_of(feed)}
    left = [column for column in look.present(*look.columns) if column not in used and "." not in column]
    plain = {column: plain_name(_BESIDE_A_NAME.sub("", column)) for column in left}
    wanted = [
        column
        for column in left
        if plain[column] in _ATTRIBUTES or (column in look.facets and not _INTERNAL.search(plain[column]))
    ]
    return {**columns, "attributes": {column: column for column in wanted}} if wanted else columns


def _feed(look: FileLook, contract: str, column: str) -> Any:
    """Descriptions may hold markup; of pictures that are objects their address is meant."""
    if contract == DESCRIPTION:
        return {"column": column, "html": True}
    if contract == CATEGORY:
        return category_feed(look, column)
    if contract == IMAGE_URIS:
        return next(iter(look.present(*(f"{column}.{key}" for key in _ADDRESSES))), column)
    return column
