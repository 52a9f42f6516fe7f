"""Yes and no, and what shops write in their place: words of stock, and how many pieces there are."""

import polars as pl

# Compared in small letters, with one space for hyphens and underscores.
_TRUE = frozenset((
    "true", "yes", "y", "1", "t", "on", "enabled", "active",
    "in stock", "instock", "available", "limited availability", "limitedavailability", "limited", "low stock",
    "lowstock", "online only", "onlineonly", "in store only", "instoreonly", "few left",
    # Can be ordered now, comes later: shop systems sell it.
    "preorder", "pre order", "presale", "pre sale", "backorder", "back order", "on backorder", "onbackorder",
    "available for order", "available on backorder", "made to order", "madetoorder", "continue",
    "ja", "oui", "si", "sí", "sì", "sim", "tak", "да", "是", "有", "有货", "现货", "はい", "在庫あり",
    "auf lager", "lieferbar", "sofort lieferbar", "verfügbar", "vorrätig", "en stock", "disponible",
    "disponibile", "disponível", "em estoque", "op voorraad", "på lager", "i lager", "dostępny",
    "w magazynie", "в наличии",
))  # fmt: skip
_FALSE = frozenset((
    "false", "no", "n", "0", "f", "off", "disabled", "inactive",
    "out of stock", "outofstock", "unavailable", "not available", "sold out", "soldout", "discontinued",
    "none", "currently unavailable", "no stock", "not in stock", "reserved", "empty", "deny",
    "nein", "non", "nee", "não", "nej", "nie", "нет", "否", "无", "无货", "缺货", "售罄",
    "いいえ", "在庫なし", "品切れ",
    "nicht auf lager", "nicht lieferbar", "nicht verfügbar", "nicht vorrätig", "ausverkauft", "vergriffen",
    "rupture de stock", "en rupture", "en rupture de stock", "épuisé", "indisponible", "agotado", "sin stock",
    "no disponible", "fuera de stock", "esaurito", "non disponibile", "esgotado", "indisponível",
    "sem estoque", "uitverkocht", "niet op voorraad", "udsolgt", "slutsåld", "utsolgt", "slut i lager",
    "niedostępny", "wyprzedany", "нет в наличии",
))  # fmt: skip
_ADDRESS = r"^https?://(?:www\.)?schema\.org/|^schema:"
# "12", "12.0", "10+", "> 10", "12 in stock", "3 pcs", "-1" of a shop that sold more than it had.
# "In stock (12)", "out of stock until May".
_BEGINS_TRUE, _BEGINS_FALSE = r"^in ?stock\b", r"^(?:out of ?stock|outofstock|sold ?out)\b"
_UNIT = r"(?:in stock|left|available|pcs\.?|pieces|units|stk\.?|stück|x)?"
_PIECES = rf"^[>≥~]?\s*([+-]?\d+(?:[.,]\d+)?)\s*\+?\s*{_UNIT}$"
_THOUSANDS = r"^(\d{1,3})[,.](\d{3})$"


def as_yes_no(text: pl.Expr) -> pl.Expr:
    """True and false by their usual words, by words of stock, or by a number of pieces; null for others."""
    word = text.str.to_lowercase().str.strip_chars().str.replace(_ADDRESS, "")
    word = word.str.replace_all(r"[\s_\-\u2010\u2011]+", " ").str.strip_chars(" .!")
    number = text.str.to_lowercase().str.strip_chars().str.replace(_THOUSANDS, "$1$2")
    pieces = number.str.extract(_PIECES, 1).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    begins = (
        pl.when(word.str.contains(_BEGINS_FALSE)).then(False).when(word.str.contains(_BEGINS_TRUE)).then(True)
    )
    by_word = pl.when(word.is_in(_TRUE)).then(True).when(word.is_in(_FALSE)).then(False).otherwise(begins)
    return pl.coalesce(by_word, pieces > 0)
