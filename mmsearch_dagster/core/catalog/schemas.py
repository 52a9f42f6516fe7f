"""Types of the columns of the data contract, table by table; apart from their names, which need no polars."""

import polars as pl

from mmsearch_dagster.core.catalog.columns import (
    ACTION,
    ATTRIBUTES,
    AUDIO,
    AUDIO_URI,
    BRAND,
    CATEGORY,
    CURRENCY,
    DESCRIPTION,
    EVENT_ID,
    GRADE,
    IMAGE,
    IMAGE_URIS,
    IN_STOCK,
    LANG,
    PARENT_ID,
    POSITION,
    PRICE,
    PRODUCT_ID,
    QUERY_ID,
    QUERY_TEXT,
    RATING,
    REVIEW_ID,
    SESSION_ID,
    SPLIT,
    TEXT,
    TIMESTAMP,
    TITLE,
    UPDATED_AT,
    USER_ID,
    VALUE,
    VARIANT,
    VIDEO_URI,
)

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
