"""Names and types of every column of the data contract, in one place."""

import polars as pl

PRODUCT_ID = "product_id"
TITLE = "title"
DESCRIPTION = "description"
CATEGORY = "category"
BRAND = "brand"
PRICE = "price"
CURRENCY = "currency"
ATTRIBUTES = "attributes"
IMAGE_URIS = "image_uris"
AUDIO_URI = "audio_uri"
VIDEO_URI = "video_uri"
LANG = "lang"
IN_STOCK = "in_stock"
UPDATED_AT = "updated_at"
# What a variant is a variant of: the id that all variants of a product have in common.
PARENT_ID = "parent_id"

EVENT_ID = "event_id"
TIMESTAMP = "timestamp"
USER_ID = "user_id"
SESSION_ID = "session_id"
QUERY_ID = "query_id"
ACTION = "action"
VALUE = "value"
POSITION = "position"
VARIANT = "variant"

QUERY_TEXT = "query_text"
IMAGE = "image"
AUDIO = "audio"
GRADE = "grade"
SPLIT = "split"

REVIEW_ID = "review_id"
RATING = "rating"
TEXT = "text"

REASONS = "reasons"

ACTIONS = ("impression", "click", "view", "add_to_cart", "purchase", "rate")
SPLITS = ("train", "validation", "test")
CATEGORY_SEPARATOR = " > "
# Between two category paths of one product.
PATHS_SEPARATOR = " | "

# Sums of money, which exports write in many ways.
AMOUNTS = (PRICE, VALUE)
# Names of media files.
MEDIA_COLUMNS = (IMAGE_URIS, AUDIO_URI, VIDEO_URI, IMAGE, AUDIO)

INSTANT = pl.Datetime("us", "UTC")

PRODUCTS = pl.Schema(
    {
        PRODUCT_ID: pl.String,
        TITLE: pl.String,
        DESCRIPTION: pl.String,
        CATEGORY: pl.String,
        BRAND: pl.String,
        PRICE: pl.Float64,
        CURRENCY: pl.String,
        # A map: polars has none, so a list of key and value, keys sorted.
        ATTRIBUTES: pl.List(pl.Struct({"key": pl.String, "value": pl.String})),
        IMAGE_URIS: pl.List(pl.String),
        AUDIO_URI: pl.String,
        VIDEO_URI: pl.String,
        LANG: pl.String,
        IN_STOCK: pl.Boolean,
        UPDATED_AT: INSTANT,
        PARENT_ID: pl.String,
    }
)
EVENTS = pl.Schema(
    {
        EVENT_ID: pl.String,
        TIMESTAMP: INSTANT,
        USER_ID: pl.String,
        SESSION_ID: pl.String,
        QUERY_ID: pl.String,
        PRODUCT_ID: pl.String,
        ACTION: pl.String,
        VALUE: pl.Float64,
        POSITION: pl.Int64,
        VARIANT: pl.String,
    }
)
# What was typed or shown in a logged search (UBI's `ubi_queries`); events point at it by query_id.
SEARCHES = pl.Schema(
    {
        QUERY_ID: pl.String,
        TIMESTAMP: INSTANT,
        USER_ID: pl.String,
        SESSION_ID: pl.String,
        QUERY_TEXT: pl.String,
        IMAGE: pl.String,
    }
)
JUDGMENTS = pl.Schema(
    {
        QUERY_ID: pl.String,
        QUERY_TEXT: pl.String,
        IMAGE: pl.String,
        AUDIO: pl.String,
        PRODUCT_ID: pl.String,
        GRADE: pl.Int64,
        SPLIT: pl.String,
    }
)
REVIEWS = pl.Schema(
    {
        REVIEW_ID: pl.String,
        PRODUCT_ID: pl.String,
        USER_ID: pl.String,
        RATING: pl.Float64,
        TITLE: pl.String,
        TEXT: pl.String,
        TIMESTAMP: INSTANT,
    }
)

TABLES = {
    "products": PRODUCTS,
    "events": EVENTS,
    "searches": SEARCHES,
    "judgments": JUDGMENTS,
    "reviews": REVIEWS,
}
# Columns a source must map for the table to mean anything.
REQUIRED = {
    "products": (PRODUCT_ID,),
    "events": (TIMESTAMP, USER_ID, PRODUCT_ID, ACTION),
    "searches": (QUERY_ID,),
    "judgments": (QUERY_ID, PRODUCT_ID, GRADE),
    "reviews": (PRODUCT_ID, RATING),
}
