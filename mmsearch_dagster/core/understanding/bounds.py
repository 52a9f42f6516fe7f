"""Bounds of the price in a query: `under 60`, `between 20 and 40`, `60元以下`."""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.text.terms import read_quantities
from mmsearch_dagster.core.understanding.languages import CHEAP, LANGUAGES
from mmsearch_dagster.core.understanding.spans import Reading
from mmsearch_dagster.core.understanding.understood import FILTER, PREFER, PRICE, QueryPart

_SIGN = r"(?:[A-Z]{0,3}\$|[€£¥￥₹₽₩₺₫฿₪₴])"
_CODE = (
    r"(?:eur|usd|gbp|cny|rmb|chf|jpy|inr|myr|rm|sgd|aud|cad|nzd|hkd|twd|sek|nok|dkk|kr|pln|zł|czk|kč|huf|ron|brl|"
    r"mxn|zar|ngn|php|idr|rp|thb|vnd|krw|aed|sar|rs\.?)"
)
_CURRENCY_WORD = (
    rf"(?:{_CODE}|euros?|dollars?|bucks|quid|yuan|francs?|franken|yen|baht|rupees?|rupien|pesos?|reais|kronen|"
    r"kron[oe]r|zloty|złoty)(?![^\W_])"
)
_CURRENCY = re.compile(rf"{_SIGN}|(?<![^\W_]){_CURRENCY_WORD}|(?<![^\W_]){_CODE}(?=\s*\d)", re.IGNORECASE)
_NUMBER = r"\d{1,3}(?:[ ,.]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?"


def _money(n: int) -> str:
    """A number with or without a currency, as groups `before`, `number` and `after` of this n."""
    return (
        rf"(?P<before{n}>{_SIGN}|(?<![^\W_]){_CODE})?\s*(?P<number{n}>{_NUMBER})(?![\d.,]*\d)"
        rf"(?:\s*(?P<after{n}>{_SIGN}|{_CURRENCY_WORD}))?"
    )


_FIRST, _SECOND = _money(1), _money(2)
_LEAD = r"(?:\b(?:priced?|prices|costs?|costing|that costs?)\s+)?"
# Words that hardly mean anything else beside a number.
_UPPER = r"(?:under|below|less\s+than|cheaper\s+than|lower\s+than|no\s+more\s+than|not\s+more\s+than)"
_LOWER = r"(?:over|above|more\s+than|dearer\s+than|at\s+least)"
# Words that mean much else: only with a currency, or where the query ends.
_WEAK_UPPER = r"(?:up\s+to|at\s+most|max(?:imum)?\.?|within|<=?|≤)"
_WEAK_LOWER = r"(?:from|starting\s+at|min(?:imum)?\.?|>=?|≥)"
# How much a bare number behind such words says: it is a price unless it counts something else; only where a
# phrase ends behind it; never.
_SURE, _AT_END, _NEVER = "sure", "at the end of a phrase", "never"
_RANGE, _TO, _FROM = "range", "to", "from"
_OR_LESS, _OR_MORE = r"(?:less|under|below|cheaper)", r"(?:more|above|up|over)"
_ENGLISH = tuple(
    (kind, trust, re.compile(pattern, re.IGNORECASE))
    for kind, trust, pattern in (
        (_RANGE, _SURE, rf"{_LEAD}\bbetween\s+{_FIRST}\s+(?:and|to|-)\s+{_SECOND}"),
        (_RANGE, _AT_END, rf"{_LEAD}\bfrom\s+{_FIRST}\s*(?:to|-|–)\s*{_SECOND}"),
        (_RANGE, _NEVER, rf"{_LEAD}(?<![\w.,-]){_FIRST}\s*(?:to|-|–)\s*{_SECOND}"),
        (_TO, _SURE, rf"{_LEAD}\b{_UPPER}\s+{_FIRST}"),
        (_FROM, _SURE, rf"{_LEAD}\b{_LOWER}\s+{_FIRST}"),
        (_TO, _AT_END, rf"{_LEAD}(?<![^\W_]){_WEAK_UPPER}\s*{_FIRST}"),
        (_FROM, _AT_END, rf"{_LEAD}(?<![^\W_]){_WEAK_LOWER}\s*{_FIRST}"),
        (_TO, _SURE, rf"(?<![\w.,-]){_FIRST}\s+(?:or|and)\s+{_OR_LESS}\b"),
        (_FROM, _SURE, rf"(?<![\w.,-]){_FIRST}\s+(?:or|and)\s+{_OR_MORE}\b"),
        (_TO, _SURE, rf"(?<![\w.,-]){_FIRST}\s+max(?:imum)?\b"),
    )
)
# After a bare number: the end, a sign that ends a phrase, or a word that begins another one.
_PHRASE_ENDS = re.compile(
    r"\s*(?:$|[,;)!?]|(?:and|but|or|for|in|with|without|not|please|only|max|und|für|mit|ohne|pour|avec|sans|"
    r"para|con|sin|senza|met|voor|zonder|com|sem)\b)",
    re.IGNORECASE,
)
# What is counted and is no money. Units of measure are read by `read_quantities`.
_COUNTED = re.compile(
    r"(?:years?|months?|weeks?|days?|hours?|hrs?|minutes?|mins?|seconds?|people|persons?|players?|items?|"
    r"sizes?|cups?|pages?|channels?|ports?|keys?|degrees?|percent|kgs?|lbs?\.?|pounds?|in\.?|mah|hz|rpm|psi|"
    r"dpi|fps|dots?|stars?|speeds?|ply|tiers?|[a-z])",
    re.IGNORECASE,
)
# Signs right behind a number that make it part of a size, a share, a code.
_ATTACHED = re.compile(r"['\"”%°\w]|\s?%|[-–/x×:.]\w|\s[x×]\s")
_DIGIT = re.compile(r"\d")
_INCHES = re.compile(r"\s*in\b\.?\s*$", re.IGNORECASE)
# `no more than 20` lets 20 pass.
_STRICT = re.compile(r"^(?!.*\bno).*(?:under|below|than|over|above)", re.IGNORECASE)
_HAN_DIGITS = {**{sign: n for n, sign in enumerate("零一二三四五六七八九")}, "两": 2, "〇": 0}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1_000, "万": 10_000}
_HAN_NUMBER = rf"(?:\d+(?:\.\d+)?|[{''.join(_HAN_DIGITS)}{''.join(_HAN_SCALES)}]+)"
_HAN_MONEY = r"(?:元|块钱|块|欧元|美元|人民币|英镑|欧|€|¥|eur|rmb)"
_HAN_LEAD, _HAN_SUM = r"(?:价格)?(?:在)?", rf"({_HAN_NUMBER})\s*"
_CHINESE = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (
            _RANGE,
            rf"{_HAN_LEAD}{_HAN_SUM}{_HAN_MONEY}?\s*(?:到|至|-|~|—)\s*{_HAN_SUM}"
            rf"(?:{_HAN_MONEY}\s*(?:之间|左右)?|之间)",
        ),
        (_TO, rf"{_HAN_LEAD}{_HAN_SUM}{_HAN_MONEY}?\s*(?:及?以下|以内|之内|之下)"),
        (_FROM, rf"{_HAN_LEAD}{_HAN_SUM}{_HAN_MONEY}?\s*(?:及?以上|之上)"),
        (_TO, rf"(?:价格)?(?:低于|少于|小于|不到|不超过|不高于|最多|便宜于)\s*{_HAN_SUM}{_HAN_MONEY}?"),
        (_FROM, rf"(?:价格)?(?:高于|大于|超过|至少|不低于|不少于)\s*{_HAN_SUM}{_HAN_MONEY}?"),
    )
)
# Behind a Chinese number: what measures something else.
_HAN_COUNTED = re.compile(
    r"\s*(?:码|寸|英寸|毫升|升|厘米|毫米|公里|米|克|千克|公斤|斤|岁|年|月|天|个|人|件|瓦|伏|kg|cm|mm|ml|gb|g|l)",
    re.I,
)
_CHEAP = re.compile(
    rf"{CHEAP.pattern}|\b(?:cheap|cheapest|inexpensive|affordable|low[\s-]priced?|low[\s-]cost)\b|便宜点?的?|实惠的?|平价的?",
    re.I,
)


def price_bounds(text: str, currency: str | None, languages: Collection[str] = ()) -> list[Reading]:
    """Bounds with an explicit number, as filters; none that may count something else than money.

    Args:
        text: a cleaned query.
        currency: of the catalogue, for the message.
        languages: that the catalogue is written in; in others a number needs its currency.
    """
    readings: list[Reading] = []
    shown = currency or ""
    for reading in (*_english(text, shown), *_further(text, shown, languages), *_chinese(text, shown)):
        if all(reading.end <= other.start or other.end <= reading.start for other in readings):
            readings.append(reading)
    return readings


def says_money(text: str) -> bool:
    """Whether a text has a bound with its currency."""
    return any(_CURRENCY.search(reading.part.text) for reading in price_bounds(text, None))


def cheapness(text: str) -> list[Reading]:
    """A wish for a low price without a number: a preference."""
    return [
        Reading(match.start(), match.end(), QueryPart(PRICE, match.group(), "low", PREFER))
        for match in _CHEAP.finditer(text)
    ]


def _english(text: str, currency: str) -> Iterator[Reading]:
    for kind, trust, pattern in _ENGLISH:
        for match in pattern.finditer(text):
            groups = match.groupdict()
            with_currency = any(value for name, value in groups.items() if not name.startswith("number"))
            if with_currency or _may_be_money(text, match, trust):
                numbers = [
                    _amount(value) for name, value in groups.items() if name.startswith("number") and value
                ]
                strict = _STRICT.search(match.group()) is not None
                yield _reading(match, kind, numbers, currency, strict=strict)


def _further(text: str, currency: str, languages: Collection[str]) -> Iterator[Reading]:
    if not _DIGIT.search(text):
        return
    for name in LANGUAGES:
        for kind, strict, pattern in _patterns_of(name):
            for match in pattern.finditer(text):
                groups = match.groupdict()
                numbers = [_amount(value) for key, value in groups.items() if "number" in key and value]
                with_currency = any(value for key, value in groups.items() if "number" not in key)
                if with_currency or (name in languages and _may_be_money(text, match, _AT_END)):
                    yield _reading(match, kind, numbers, currency, strict=strict)


@lru_cache(maxsize=len(LANGUAGES))
def _patterns_of(name: str) -> tuple[tuple[str, bool, "re.Pattern[str]"], ...]:
    """The bounds of a language: kind, whether the bound itself is left out, and how it is written."""
    words = LANGUAGES[name]
    ranges = [
        (_RANGE, False, rf"(?<![\w-])(?:{before})\s+{_FIRST}\s+(?:{middle})\s+{_SECOND}")
        for before, middle in words.between
    ]
    single = [
        (kind, strict, rf"(?<![\w-])(?:{expression})\s+{_FIRST}")
        for kind, strict, expression in (
            (_TO, True, words.under),
            (_TO, False, words.up_to),
            (_FROM, True, words.over),
            (_FROM, False, words.at_least),
        )
    ]
    return tuple(
        (kind, strict, re.compile(pattern, re.IGNORECASE)) for kind, strict, pattern in (*ranges, *single)
    )


def _may_be_money(text: str, match: "re.Match[str]", trust: str) -> bool:
    """Whether a number without a currency can be a price."""
    rest = text[match.end() :]
    at_end = _PHRASE_ENDS.match(rest) is not None
    if trust == _NEVER or (trust == _AT_END and not at_end) or _ATTACHED.match(rest):
        return False
    number, following = match.group().split()[-1], " ".join(rest.split()[:1]).lower()
    if at_end and not _INCHES.match(rest):
        return True
    return not read_quantities(f"{number} {following}") and not _COUNTED.fullmatch(following)


def _chinese(text: str, currency: str) -> Iterator[Reading]:
    for kind, pattern in _CHINESE:
        for match in pattern.finditer(text):
            numbers = [_han_amount(number) for number in match.groups()]
            if any(number is None for number in numbers) or _HAN_COUNTED.match(text, match.end()):
                continue
            yield _reading(match, kind, [float(number or 0) for number in numbers], currency, strict=False)


def _reading(
    match: "re.Match[str]", kind: str, numbers: list[float], currency: str, *, strict: bool
) -> Reading:
    low, high = min(numbers), max(numbers)
    shown = f" {currency}" if currency else ""
    if kind == _RANGE:
        condition = f"{col.PRICE} >= {low!r} AND {col.PRICE} <= {high!r}"
        value = f"{low:g} to {high:g}{shown}"
    elif kind == _TO:
        condition = f"{col.PRICE} {'<' if strict else '<='} {high!r}"
        value = f"{'under' if strict else 'up to'} {high:g}{shown}"
    else:
        condition = f"{col.PRICE} {'>' if strict else '>='} {low!r}"
        value = f"{'over' if strict else 'from'} {low:g}{shown}"
    part = QueryPart(PRICE, match.group().strip(), value, FILTER, condition)
    return Reading(match.start(), match.end(), part)


def _amount(number: str) -> float:
    """`1,299.00`, `1.299`, `49,90` or `60` as a number."""
    plain = re.sub(r"[ ,.](?=\d{3}(?:\D|$))", "", number)
    return float(plain.replace(",", "."))


def _han_amount(number: str) -> float | None:
    """`60` or `一百二十` as a number, None for signs that make none.

    >>> _han_amount("一百二十")
    120.0
    """
    if number[0].isdigit():
        return float(number)
    total, digit = 0, 0
    for sign in number:
        if sign in _HAN_DIGITS:
            digit = _HAN_DIGITS[sign]
        else:
            total += (digit or 1) * _HAN_SCALES[sign]
            digit = 0
    return float(total + digit) or None
