"""Names of every column of the data contract, in one place; their types are in schemas."""

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

# Columns a source must map for the table to mean anything.
REQUIRED = {
    "products": (PRODUCT_ID,),
    "events": (TIMESTAMP, USER_ID, PRODUCT_ID, ACTION),
    "searches": (QUERY_ID,),
    "judgments": (QUERY_ID, PRODUCT_ID, GRADE),
    "reviews": (PRODUCT_ID, RATING),
}

# Beside the contract's columns while rows are read and checked.
SOURCE = "_source"
# The number of the record in its file, from 1; of the line where records are lines of JSON.
ROW = "_row"
PROBLEMS = "_problems"
EMPTIED = "_emptied"
# In raw rows, beside columns that a shop named: a zero byte, which no file's column name holds.
NUMBER = "\x00row"
# Why a whole record could not be read, or null.
BROKEN = "\x00broken"
# What rows of one record have in common.
GROUP = "\x00group"
# Whether the mapping leaves out the product that a row stands for.
HIDDEN = "\x00hidden"
