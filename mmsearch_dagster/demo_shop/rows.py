"""The sample shop's export: one row a product, and a few rows that break the contract on purpose."""

from collections.abc import Callable, Sequence

from mmsearch_dagster.core.catalog.columns import (
    BRAND,
    CATEGORY,
    CURRENCY,
    DESCRIPTION,
    IN_STOCK,
    LANG,
    PRICE,
    PRODUCT_ID,
    TITLE,
    UPDATED_AT,
)
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.demo_shop.catalogue import Item
from mmsearch_dagster.demo_shop.spec import StoreSpec

IMAGES, SOUND, VIDEO = "images", "sound", "video"
COLOR, PATTERN, SIZE, MATERIAL, TITLE_ZH = "color", "pattern", "size", "material", "title_zh"
SEPARATOR = "|"
PRODUCT_FIELDS = (
    PRODUCT_ID, TITLE, DESCRIPTION, CATEGORY, BRAND, PRICE, CURRENCY, COLOR, PATTERN, SIZE, MATERIAL,
    TITLE_ZH, IMAGES, SOUND, VIDEO, LANG, IN_STOCK, UPDATED_AT,
)  # fmt: skip

Row = dict[str, str]


def product_row(spec: StoreSpec, item: Item) -> Row:
    """The product as the shop exports it: what it did not fill in is empty."""
    return {
        PRODUCT_ID: item.product_id,
        TITLE: item.title,
        DESCRIPTION: item.description,
        CATEGORY: item.category,
        BRAND: item.traits.brand,
        PRICE: f"{item.price:.2f}",
        CURRENCY: spec.products.currency,
        COLOR: item.traits.color if item.color_filled_in else "",
        PATTERN: item.traits.pattern if item.pattern_filled_in else "",
        SIZE: item.size,
        MATERIAL: item.traits.material,
        TITLE_ZH: item.title_zh,
        IMAGES: SEPARATOR.join(item.pictures),
        SOUND: item.sound,
        VIDEO: item.film,
        LANG: "en",
        IN_STOCK: str(item.in_stock).lower(),
        UPDATED_AT: item.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


# What each fault does to a good row; `victim` is the id of a good product.
_FAULTS: dict[str, Callable[[Row, str], Row]] = {
    "missing_id": lambda row, victim: {PRODUCT_ID: ""},
    "duplicate_id": lambda row, victim: {PRODUCT_ID: victim},
    "negative_price": lambda row, victim: {PRICE: "-" + row[PRICE]},
    "price_not_a_number": lambda row, victim: {PRICE: "on request"},
    "neither_title_nor_picture": lambda row, victim: {TITLE: "", TITLE_ZH: "", IMAGES: ""},
    "truncated_picture": lambda row, victim: {IMAGES: f"images/{row[PRODUCT_ID]}.jpg"},
    "picture_file_missing": lambda row, victim: {IMAGES: f"images/{row[PRODUCT_ID]}-lost.jpg"},
}
TRUNCATED = "truncated_picture"
WITHOUT_FILE = ("neither_title_nor_picture", "picture_file_missing")


def planned_faults(spec: StoreSpec, where: str) -> list[str]:
    """The fault of each broken row. Raises ConfigError for a fault that nobody knows how to make."""
    for fault in spec.broken_rows:
        if fault not in _FAULTS:
            raise ConfigError(
                f"{where}: broken_rows: '{fault}' is not known; known: {', '.join(sorted(_FAULTS))}"
            )
    return [fault for fault, times in spec.broken_rows.items() for _ in range(times)]


def with_broken_rows(
    spec: StoreSpec, good: Sequence[Row], spare: Sequence[Item], faults: Sequence[str]
) -> list[Row]:
    """The good rows with one broken row per fault strewn into their second half."""
    rng, rows = spec.rng("faults"), list(good)
    for item, fault in zip(spare, faults, strict=True):
        row = product_row(spec, item)
        victim = rng.choice(good[: max(1, len(good) // 2)])[PRODUCT_ID]
        rows.insert(rng.randint(len(good) // 2 + 1, len(rows)), {**row, **_FAULTS[fault](row, victim)})
    return rows
