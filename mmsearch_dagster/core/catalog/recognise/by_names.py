"""A mapping by the names of columns alone, for an export of no known system."""

from typing import Any

from mmsearch_dagster.core.catalog.columns import CATEGORY, DESCRIPTION, IMAGE_URIS, REQUIRED, TABLES
from mmsearch_dagster.core.catalog.recognise.behaviour_exports import plain_name
from mmsearch_dagster.core.catalog.recognise.draft import FileLook, TableDraft, category_feed
from mmsearch_dagster.core.catalog.row_rules import NEEDS_ANY

# Contract column -> what exports call it, in small letters with underscores.
_NAMES: dict[str, tuple[str, ...]] = {
    "product_id": (
        "product_id", "sku", "id", "item_id", "article_number", "article_id", "productid", "asin",
        "item_number", "artikelnummer", "art_nr", "reference", "product_code", "code",
    ),
    "title": (
        "title", "name", "product_name", "product_title", "item_name", "titel", "bezeichnung", "nom",
        "nombre", "review_title", "review_headline", "headline",
    ),
    "description": (
        "description", "long_description", "body", "body_html", "text", "beschreibung", "desc",
    ),
    "category": (
        "category", "categories", "product_type", "category_path", "kategorie", "breadcrumb",
        "department",
    ),
    "brand": ("brand", "manufacturer", "vendor", "marke", "hersteller", "marque", "brand_name"),
    "price": (
        "price", "sale_price", "final_price", "regular_price", "preis", "prix", "precio",
        "selling_price",
    ),
    "currency": ("currency", "price_currency", "waehrung", "devise"),
    "image_uris": (
        "image_uris", "images", "image", "image_url", "image_urls", "image_link", "picture", "bild",
        "img", "photo", "image_1", "main_image", "imageurl",
    ),
    "audio_uri": ("audio_uri", "audio", "audio_url"),
    "video_uri": ("video_uri", "video", "video_url"),
    "lang": ("lang", "language", "locale"),
    "in_stock": (
        "in_stock", "availability", "stock", "stock_status", "is_in_stock", "quantity", "qty", "lager",
        "inventory", "available",
    ),
    "parent_id": ("parent_id", "parent_sku", "item_group_id", "style_id"),
    "updated_at": ("updated_at", "modified", "last_modified", "date_modified", "updated"),
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


def _columns(look: FileLook, table: str) -> dict[str, Any]:
    names = {plain_name(column): column for column in reversed(look.columns)}
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
