"""Yes and no, and what shops write in their place: words of stock, and how many pieces there are."""

import polars as pl

# Compared in small letters, with one space for hyphens and underscores.
_TRUE = frozenset((
    "true", "yes", "y", "1", "t", "on", "enabled", "active", "✓", "✔", "☑", "✅",
    "wahr", "vrai", "verdadero", "verdadeiro", "vero", "waar", "sant", "sand", "prawda", "истина", "真",
    "aktiv", "actif", "activo", "ativo", "attivo", "actief", "启用", "上架",
    "in stock", "instock", "available", "limited availability", "limitedavailability", "limited", "low stock",
    "lowstock", "online only", "onlineonly", "in store only", "instoreonly", "few left",
    # Can be ordered now, comes later: shop systems sell it.
    "preorder", "pre order", "presale", "pre sale", "backorder", "back order", "on backorder", "onbackorder",
    "available for order", "available on backorder", "made to order", "madetoorder", "continue",
    "ja", "oui", "si", "sí", "sì", "sim", "tak", "да", "是", "有", "有货", "现货", "はい", "在庫あり",
    "库存充足", "库存紧张", "有库存", "재고 있음", "재고있음",
    "con existencias", "en existencia", "en existencias", "hay existencias",
    "sofort verfügbar", "disponibile subito", "disponible immédiatement", "disponible ya",
    "auf lager", "lieferbar", "sofort lieferbar", "verfügbar", "vorrätig", "en stock", "disponible",
    "disponibile", "disponível", "em estoque", "op voorraad", "på lager", "i lager", "dostępny",
    "w magazynie", "в наличии",
))  # fmt: skip
_FALSE = frozenset((
    "false", "no", "n", "0", "f", "off", "disabled", "inactive", "✗", "✘", "☐", "❌",
    "falsch", "faux", "falso", "onwaar", "falskt", "falsk", "fałsz", "ложь", "假",
    "inaktiv", "inactif", "inactivo", "inativo", "inattivo", "inactief", "禁用", "下架",
    "out of stock", "outofstock", "unavailable", "not available", "sold out", "soldout", "discontinued",
    "none", "currently unavailable", "no stock", "not in stock", "reserved", "empty", "deny",
    "nein", "non", "nee", "não", "nej", "nie", "нет", "否", "无", "无货", "缺货", "售罄",
    "いいえ", "在庫なし", "品切れ",
    "暂时缺货", "无库存", "已售罄", "断货", "补货中", "품절", "재고 없음", "재고없음",
    "sin existencias", "no hay existencias", "rupture", "plus en stock",
    "hors stock", "plus disponible", "terminato", "non in stock",
    "nicht auf lager", "nicht lieferbar", "nicht verfügbar", "nicht vorrätig", "ausverkauft", "vergriffen",
    "rupture de stock", "en rupture", "en rupture de stock", "épuisé", "indisponible", "agotado", "sin stock",
    "no disponible", "fuera de stock", "esaurito", "non disponibile", "esgotado", "indisponível",
    "sem estoque", "uitverkocht", "niet op voorraad", "udsolgt", "slutsåld", "utsolgt", "slut i lager",
    "niedostępny", "wyprzedany", "нет в наличии",
))  # fmt: skip
YES_NO_WORDS = _TRUE | _FALSE
_ADDRESS = r"^https?://(?:www\.)?schema\.org/|^schema:"
# "12", "12.0", "10+", "> 10", "12 in stock", "3 pcs", "-1" of a shop that sold more than it had.
# "In stock, ships today", "out of stock until May", "Lieferzeit 3-5 Tage".
_BEGINS_TRUE = r"^(?:in ?stock|auf lager|en stock|lieferzeit|versandfertig|ships (?:in|within|today))\b"
_BEGINS_FALSE = r"^(?:out of ?stock|outofstock|sold ?out|ausverkauft|rupture de stock)\b"
_UNIT = (
    r"(?:in stock|left(?: in stock)?|remaining|available|pcs\.?|pieces?|units?|items?|pairs?|sets?|stk\.?"
    r"|st\.?|stück|paar|pièces?|unités?|unidades?|uds?\.?|pz\.?|pezzi|szt\.?|шт\.?|件|个|個|双|台|개|点|x|kg|g|l|m|m²)?"
)
_AT_LEAST = (
    r"(?:[>≥~]|more than|over|mehr als|über|plus de|más de|più di|meer dan|only|nur noch|noch|plus que|solo)?"
)
_PIECES = rf"^{_AT_LEAST}\s*([+-]?\d+(?:[.,]\d+)?)\s*\+?\s*{_UNIT}$"
_THOUSANDS = r"^(\d{1,3})[,. '’](\d{3})\b"
# "In stock (12)", "auf Lager: 3": the word and how many.
_COUNTED = r"^(\D+?)\s*[:(]\s*(\d+)\D*$"


def as_yes_no(text: pl.Expr) -> pl.Expr:
    """True and false by their usual words, by words of stock, or by a number of pieces; null for others."""
    word = text.str.to_lowercase().str.strip_chars().str.replace(_ADDRESS, "")
    word = word.str.replace_all(r"[\s_\-\u2010\u2011]+", " ").str.strip_chars(" .!")
    number = text.str.to_lowercase().str.strip_chars().str.replace(_THOUSANDS, "$1$2")
    pieces = number.str.extract(_PIECES, 1).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    counted = word.str.extract(_COUNTED, 1).is_in(_TRUE)
    begins = (
        pl.when(counted)
        .then(word.str.extract(_COUNTED, 2).cast(pl.Int64, strict=False) > 0)
        .when(word.str.contains(_BEGINS_FALSE))
        .then(False)
        .when(word.str.contains(_BEGINS_TRUE))
        .then(True)
    )
    by_word = pl.when(word.is_in(_TRUE)).then(True).when(word.is_in(_FALSE)).then(False).otherwise(begins)
    return pl.coalesce(by_word, pieces > 0)
