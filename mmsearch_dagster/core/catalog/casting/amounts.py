"""Amounts of money as shops write them: decimal comma or point, thousands signs, a currency beside them.

`1.299` is one thousand in one export and a little more than one in another. The sign is taken from the other
rows of the column, or from the mapping; where neither tells, the caller is asked.
"""

from typing import Literal

import polars as pl

from mmsearch_dagster.core.catalog.casting.texts import clean_text

DecimalSign = Literal[".", ","]

_CODES = (
    "USD EUR GBP JPY CNY RMB INR AUD CAD NZD HKD SGD TWD CHF SEK NOK DKK ISK PLN CZK HUF RON BGN TRY UAH RUB "
    "BRL MXN ARS CLP COP PEN ZAR KRW THB VND IDR MYR PHP ILS AED SAR KWD BHD OMR TND QAR EGP MAD NGN KES"
)
# What stands beside an amount -> the currency that it names; None where several currencies write it so.
_SIGNS: dict[str, str | None] = {
    "us$": "USD", "us $": "USD", "u$s": "USD", "a$": "AUD", "au$": "AUD", "c$": "CAD", "ca$": "CAD",
    "nz$": "NZD", "hk$": "HKD", "s$": "SGD", "nt$": "TWD", "r$": "BRL", "mx$": "MXN", "$": "USD",
    "€": "EUR", "euro": "EUR",
    "£": "GBP", "cn¥": "CNY", "元": "CNY", "円": "JPY", "¥": None, "￥": None, "₹": "INR",
    "rs.": "INR", "rs": None,
    "₩": "KRW", "₽": "RUB", "₴": "UAH", "₺": "TRY", "₪": "ILS", "฿": "THB", "₫": "VND",
    "₱": "PHP", "₦": "NGN",
    "fr.": "CHF", "sfr.": "CHF", "zł": "PLN", "kč": "CZK", "ft": "HUF", "lei": "RON", "лв.": "BGN",
    "лв": "BGN",
    "руб.": "RUB", "руб": "RUB", "kr.": None, "kr": None, "rmb": "CNY",
    **{code.lower(): code for code in _CODES.split() if code != "RMB"},
}  # fmt: skip
# Where these are written, a comma parts thousands.
_COMMA_IS_THOUSANDS = ("USD", "GBP", "AUD", "CAD", "NZD", "HKD", "SGD", "JPY", "CNY", "INR")

_NAMES = "|".join(
    sign.replace("$", r"\$").replace(".", r"\.") for sign in sorted(_SIGNS, key=len, reverse=True)
)
_BEFORE, _BEHIND = rf"(?i)^\s*({_NAMES})", rf"(?i)({_NAMES})\s*$"
# Any space is a thousands sign, as the apostrophes of Switzerland are.
_SPACES = "[\\s\u00a0\u2007\u2009\u202f'\u2019`]+"
# "from 9,99", "ab 9,99" and "10 - 20": what the cheapest costs, as for a product with variants.
_FROM = (
    r"(?i)^(?:from|starting (?:at|from)|as low as|ab|à partir de|dès|a partir de|desde|a partire da|da|vanaf"
    r"|od|från|fra|от)[:\s]+"
)
_RANGE = rf"(?i)^(\d[\d.,' ]*?)\s*(?:{_NAMES})?\s*[-\u2013\u2014~]\s*(?:{_NAMES})?\s*(\d[\d.,' ]*)$"
# "9,99 € *", "9,99 € inkl. 19 % MwSt.", "9,99 TTC": the price that is paid.
_TAX = r"(?:mwst|ust|vat|tax|gst|iva|btw|moms|tva)"
_WITH_TAX = rf"[(,]?\s*in[kc]l?\.?\s*(?:\d+\s*%\s*)?{_TAX}\.?\)?"
_FOOTNOTE = rf"(?i)\s*(?:\*+|{_WITH_TAX}|ttc)+$"
# "12,-" and "12.--": no cents.
_NO_CENTS = "([.,])(?:[-\u2013\u2014]+)$"
_GROUPS = r"[1-9]\d{0,2}(?:%s\d{3})+"
# Also the groups of India: 12,34,567.
_POINT = rf"^[+-]?(?:\d+|{_GROUPS % ','}|[1-9]\d?(?:,\d\d)+,\d{{3}})?(?:\.\d*)?(?:[eE][+-]?\d+)?$"
_COMMA = rf"^[+-]?(?:\d+|{_GROUPS % '[.]'})?(?:,\d*)?$"
_SPACED = r"^[+-]?[1-9]\d{0,2}(?: \d{3})+(?:[.,]\d*)?$"
_ANY_DIGIT = r"\d"
_A_CODE = r"^[A-Za-z]{3}$"
# `CAD $12` and `$12 CAD` have two.
_MOST_SIGNS = 2


def _tidy(text: pl.Expr) -> pl.Expr:
    """The amount and its currency; digits and signs of East Asia as those of the West."""
    tidy = clean_text(text).str.normalize("NFKC").str.replace(_FOOTNOTE, "")
    return tidy.str.replace(_FROM, "").str.strip_chars()


def _bare(text: pl.Expr) -> pl.Expr:
    """The amount without its currency; spaces between groups of three digits are gone, others stay."""
    bare = _tidy(text)
    for _ in range(_MOST_SIGNS):
        bare = bare.str.replace(_BEFORE, "").str.replace(_BEHIND, "")
    bare = (
        bare.str.replace_all(_SPACES, " ")
        .str.strip_chars()
        .str.replace(_NO_CENTS, "${1}00")
        .str.replace(r"^([+-]) ", "$1")
    )
    return pl.when(bare.str.contains(_SPACED)).then(bare.str.replace_all(" ", "")).otherwise(bare)


def _with_point(bare: pl.Expr) -> pl.Expr:
    fits = bare.str.contains(_POINT) & bare.str.contains(_ANY_DIGIT)
    return pl.when(fits).then(bare.str.replace_all(",", "")).cast(pl.Float64, strict=False)


def _with_comma(bare: pl.Expr) -> pl.Expr:
    fits = bare.str.contains(_COMMA) & bare.str.contains(_ANY_DIGIT)
    plain = bare.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return pl.when(fits).then(plain).cast(pl.Float64, strict=False)


def as_amount(text: pl.Expr, decimal: DecimalSign | None) -> pl.Expr:
    """Amounts as numbers.

    Args:
        text: amounts as text.
        decimal: the decimal sign of the column; None where each value tells its own.

    Returns:
        float64, null where the text is no amount in that way of writing.
    """
    return text.map_batches(lambda texts: _from_texts(texts, decimal), pl.Float64(), is_elementwise=True)


def _from_texts(texts: pl.Series, decimal: DecimalSign | None) -> pl.Series:
    """Step by step: as one expression it would be taken apart anew for each of its branches."""
    frame = texts.to_frame("text").select(bare=_bare(pl.col("text")))
    ends = [pl.col("bare").str.replace(_RANGE, part).alias(part) for part in ("$1", "$2")]
    frame = frame.select(ends).select(_number(pl.col(part), decimal).alias(part) for part in ("$1", "$2"))
    return frame.select(pl.when(pl.col("$1") <= pl.col("$2")).then("$1")).to_series()


def _number(bare: pl.Expr, decimal: DecimalSign | None) -> pl.Expr:
    if decimal == ".":
        return _with_point(bare)
    if decimal == ",":
        return _with_comma(bare)
    return pl.coalesce(_with_point(bare), _with_comma(bare))


def currency_in(text: pl.Expr) -> pl.Expr:
    """The ISO 4217 code of the currency that stands beside the amount, null where there is none.

    A code says more than a sign: `$12 CAD` is in Canadian dollars.
    """
    before, behind = _tidy(text).str.extract(_BEFORE, 1), _tidy(text).str.extract(_BEHIND, 1)
    code = pl.when(behind.str.contains(_A_CODE)).then(behind)
    beside = pl.coalesce(code, before, behind)
    return beside.str.to_lowercase().replace_strict(_SIGNS, default=None, return_dtype=pl.String)


def as_currency(text: pl.Expr) -> pl.Expr:
    """A currency by its code or its sign, as its code; other texts as they are."""
    return pl.coalesce(
        text.str.to_lowercase().replace_strict(_SIGNS, default=None, return_dtype=pl.String), text
    )


def decimal_sign(amounts: pl.Series) -> tuple[DecimalSign | None, str | None]:
    """The decimal sign of a column by all its values.

    Args:
        amounts: amounts as text.

    Returns:
        The sign, None where no value or values of both kinds tell it; and a value that can be read in two
        ways and needs the sign, None where there is no such value.
    """
    text = pl.col("amount")
    bare = _bare(text).str.replace(_RANGE, "$1")
    point, comma = _with_point(bare), _with_comma(bare)
    read = amounts.drop_nulls().unique(maintain_order=True).alias("amount").to_frame()
    read = read.select(text, bare=bare, point=point, comma=comma, currency=currency_in(text))
    either = pl.col("point").is_not_null() & pl.col("comma").is_not_null()
    open_values = read.filter(either & (pl.col("point") != pl.col("comma")))
    by_currency = pl.col("currency").is_in(_COMMA_IS_THOUSANDS) & pl.col("bare").str.contains(",")
    points = read.filter(pl.col("comma").is_null() & pl.col("point").is_not_null()).height
    points += open_values.filter(by_currency).height
    commas = read.filter(pl.col("point").is_null() & pl.col("comma").is_not_null()).height
    if bool(points) != bool(commas):
        return ("." if points else ","), None
    first = open_values["amount"].head(1).to_list()
    return None, first[0] if first else None
