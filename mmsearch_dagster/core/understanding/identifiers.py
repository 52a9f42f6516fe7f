"""Product ids and article numbers: what is asked for exactly comes first."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mmsearch_dagster.core.catalog import columns as col

# Attribute keys that hold a number which names the product, without signs and in lower case.
ATTRIBUTE_KEYS = frozenset((
    "sku", "gtin", "gtin8", "gtin12", "gtin13", "gtin14", "ean", "ean13", "upc", "isbn", "isbn10", "isbn13",
    "mpn", "asin", "barcode", "strichcode", "artikelnummer",
    "articlenumber", "articleno", "article", "itemnumber", "itemno", "partnumber", "partno", "modelnumber",
    "modelno", "model", "productcode", "code", "id", "货号", "编号", "型号", "条码",
))  # fmt: skip
_SIGNS = re.compile(r"[\W_]+")
_DIGIT = re.compile(r"\d")
# Words that introduce a number, in what else may be a sentence.
_INTRODUCED = re.compile(
    r"(?:\b(?:sku|gtin|ean|upc|mpn|asin|isbn|article|art|item|part|model|product|ref)\b"
    r"\.?\s*(?:number|no|nr|code|id)?|货号|编号|型号|条码)[\s.:#]*([\w./-]*\d[\w./-]*)",
    re.IGNORECASE,
)
# From here on a number of digits alone, with its check digit, names one product in the world.
_GTIN = re.compile(r"(?<![\w-])\d{12,14}(?![\w-])")
_MOST_WORDS = 4


def normalised(text: str) -> str:
    """An identifier without signs and case.

    >>> normalised("SKU-10054")
    'sku10054'
    """
    return _SIGNS.sub("", text).casefold()


@dataclass(frozen=True)
class Identifiers:
    """Normalised identifier -> ids of the products that carry it, sorted."""

    products: Mapping[str, tuple[str, ...]]

    def named_by(self, text: str) -> tuple[str, tuple[str, ...]] | None:
        """The identifier in a query and its products: the whole query, a number introduced by a word such as
        `sku` or `article no.`, or a GTIN. None where there is none."""
        whole = self.products.get(normalised(text)) if len(text.split()) <= _MOST_WORDS else None
        if whole:
            return text, whole
        for number in (*_INTRODUCED.findall(text), *_GTIN.findall(text)):
            products = self.products.get(normalised(number))
            if products:
                return number, products
        return None


def identifiers_of(products: Iterable[Mapping[str, Any]]) -> Identifiers:
    """Ids, and the attributes of ATTRIBUTE_KEYS, of a catalogue.

    An attribute without a digit is a name, not a number, and is left out.
    """
    carried: dict[str, set[str]] = {}
    for row in products:
        numbers = [row[col.PRODUCT_ID]]
        for pair in row.get(col.ATTRIBUTES) or ():
            if normalised(pair["key"]) in ATTRIBUTE_KEYS and _DIGIT.search(pair.get("value") or ""):
                numbers.append(pair["value"])
        for number in numbers:
            carried.setdefault(normalised(number), set()).add(row[col.PRODUCT_ID])
    carried.pop("", None)
    return Identifiers({number: tuple(sorted(ids)) for number, ids in carried.items()})
