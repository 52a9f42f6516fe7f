"""What a query or a product's text consists of: stemmed words, joined compounds, codes, quantities."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

from mmsearch_dagster.core.text.full_text import ENGLISH_STOP_WORDS, HYPHENATED, WORD, article_numbers
from mmsearch_dagster.core.text.preparation import clean, fold

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_DIGIT = re.compile(r"\d")
_FRACTION = r"\d+\s+\d+/\d+|\d+/\d+|\d+(?:[.,]\d+)?"
# Spelling -> (unit, factor): what is measured in the same unit can agree or contradict.
_UNITS: Mapping[str, tuple[str, float]] = {
    **dict.fromkeys(("mm", "millimeter", "millimetre"), ("mm", 1.0)),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), ("mm", 10.0)),
    **dict.fromkeys(("m", "meter", "metre"), ("mm", 1000.0)),
    **dict.fromkeys(("in", "inch", "inches", '"', "”", "''"), ("mm", 25.4)),
    **dict.fromkeys(("ft", "foot", "feet", "'"), ("mm", 304.8)),
    **dict.fromkeys(("ml", "milliliter", "millilitre"), ("ml", 1.0)),
    **dict.fromkeys(("cl",), ("ml", 10.0)),
    **dict.fromkeys(("l", "liter", "litre", "liters", "litres"), ("ml", 1000.0)),
    **dict.fromkeys(("g", "gram", "grams"), ("g", 1.0)),
    **dict.fromkeys(("kg", "kilo", "kilogram"), ("g", 1000.0)),
    **dict.fromkeys(("oz", "ounce", "ounces"), ("g", 28.3495)),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds"), ("g", 453.592)),
    **dict.fromkeys(("mb",), ("gb", 0.001)),
    **dict.fromkeys(("gb", "gigabyte"), ("gb", 1.0)),
    **dict.fromkeys(("tb", "terabyte"), ("gb", 1000.0)),
    **dict.fromkeys(("w", "watt", "watts"), ("w", 1.0)),
    **dict.fromkeys(("v", "volt", "volts"), ("v", 1.0)),
    **dict.fromkeys(("gauge", "ga"), ("gauge", 1.0)),
    **dict.fromkeys(("pack", "pk", "count", "ct", "pcs", "pieces"), ("pieces", 1.0)),
    **dict.fromkeys(("mhz",), ("ghz", 0.001)),
    **dict.fromkeys(("ghz",), ("ghz", 1.0)),
    **dict.fromkeys(("mp", "megapixel", "megapixels"), ("mp", 1.0)),
}
_QUANTITY = re.compile(
    rf"({_FRACTION})\s*-?\s*({'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})(?![^\W\d_])"
)


@dataclass(frozen=True)
class Terms:
    """One text, taken apart once.

    words: stemmed, in order, without accents and stop words; then article numbers as one word. joined:
    adjacent words written as one (`t-shirt` and `t shirt` as `tshirt`). codes: words that hold a digit.
    quantities: unit -> values in that unit. text: lower case without accents, for string similarity.
    trigrams: of the text without blanks and signs.
    """

    words: tuple[str, ...] = ()
    joined: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    quantities: Mapping[str, frozenset[float]] = field(default_factory=dict[str, frozenset[float]])
    text: str = ""
    trigrams: frozenset[str] = frozenset()

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The different words."""
        return frozenset(self.words)


def read_terms(text: str | None) -> Terms:
    """The terms of a text in any language; empty for none.

    >>> read_terms("Blue T-Shirts, 500 ml").words
    ('blue', 't', 'shirt', '500', 'ml')
    """
    plain = fold(clean(text or ""))
    if not plain:
        return Terms()
    parts = [*split_words(plain), *article_numbers(plain)]
    words = tuple(stem(word) for word in parts if word not in ENGLISH_STOP_WORDS)
    return Terms(
        words=words,
        joined=_joined(plain, words),
        codes=frozenset(word for word in words if _DIGIT.search(word)),
        quantities=read_quantities(plain),
        text=plain,
        trigrams=_trigrams(plain),
    )


def split_words(text: str) -> list[str]:
    """Words of a lower-case text in order; Han characters one by one and as overlapping pairs.

    >>> split_words("nike 运动鞋")
    ['nike', '运', '动', '鞋', '运动', '动鞋']
    """
    words: list[str] = []
    for word in WORD.findall(text):
        han = _HAN.findall(word)
        if not han:
            words.append(word)
            continue
        words.extend(part for part in _HAN.split(word) if part)
        for run in han:
            words.extend(run)
            words.extend(run[at : at + 2] for at in range(len(run) - 1))
    return words


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The word by the English Snowball stemmer; other scripts come back as they are."""
    return _stemmer().stemWord(word)


@lru_cache(maxsize=1)
def _stemmer():  # the library has no types
    import Stemmer

    return Stemmer.Stemmer("english")


def read_quantities(text: str) -> dict[str, frozenset[float]]:
    """Unit -> values, in the base unit of each, rounded to four digits.

    >>> read_quantities("1/2 in. pipe, 500 ml")
    {'mm': frozenset({12.7}), 'ml': frozenset({500.0})}
    """
    values: dict[str, set[float]] = {}
    for number, spelling in _QUANTITY.findall(text):
        unit, factor = _UNITS[spelling]
        values.setdefault(unit, set()).add(float(f"{_number(number) * factor:.4g}"))
    return {unit: frozenset(amounts) for unit, amounts in values.items()}


def _number(text: str) -> float:
    """`3`, `2,5`, `1/2` or `1 1/2`; a zero denominator counts as the numerator alone."""
    total = 0.0
    for part in text.replace(",", ".").split():
        numerator, _, denominator = part.partition("/")
        total += float(numerator) / (float(denominator or 1) or 1.0)
    return total


def _joined(text: str, words: Sequence[str]) -> frozenset[str]:
    compounds = {stem(re.sub(r"[^\w]", "", match)) for match in HYPHENATED.findall(text)}
    pairs = {first + second for first, second in pairwise(words)}
    return frozenset(compounds | pairs)


def _trigrams(text: str) -> frozenset[str]:
    letters = re.sub(r"\W+", "", text)
    return frozenset(letters[at : at + 3] for at in range(len(letters) - 2))
