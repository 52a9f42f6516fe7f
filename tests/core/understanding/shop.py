"""A small shop whose words are known to the tests."""

from typing import Any

from mmsearch_dagster.core.understanding.reading import QueryReader
from mmsearch_dagster.core.understanding.synonyms import SynonymRules

REAL_WORDS = frozenset(("gown", "lamb", "bread"))


def product(number: int, title: str, category: str, price: float | None, **attributes: str) -> dict[str, Any]:
    return {
        "product_id": f"AB-{number}",
        "title": title,
        "description": None,
        "category": category,
        "brand": "Maréa" if number % 2 else "Gantry",
        "price": price,
        "currency": "EUR",
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
        "in_stock": number % 3 != 0,
    }


PRODUCTS = [
    product(1001, "blue sneakers", "Shoes > Sneakers", 55.0, color="blue", size="42", gtin="4006381333931"),
    product(1002, "red summer dress", "Clothing > Dresses", 80.0, color="red", material="cotton"),
    product(1003, "rain jacket with hood", "Clothing > Jackets", 120.0, color="navy", size="M"),
    product(1004, "striped t-shirt", "Clothing > T-Shirts", 15.0, color="red", material="cotton"),
    product(1005, "rubber duck", "Toys > Ducks", 5.0, color="yellow", sku="DK-77"),
    product(1006, "desk lamp", "Home > Lamps", 40.0, color="grey"),
    product(1007, "travel backpack 红色双肩包", "Bags > Backpacks", 60.0, color="red"),
    product(1008, "wool trousers", "Clothing > Trousers", 75.0, material="wool"),
]


def reader(synonyms: SynonymRules = SynonymRules()) -> QueryReader:
    return QueryReader.of(PRODUCTS, synonyms, REAL_WORDS.__contains__)
