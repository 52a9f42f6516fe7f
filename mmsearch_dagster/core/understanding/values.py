"""The catalogue's own values in a query: brand, category, colour, gender, size, other attributes."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.text.preparation import category_words, fold, single_values
from mmsearch_dagster.core.text.terms import read_quantities, stem
from mmsearch_dagster.core.understanding.identifiers import ATTRIBUTE_KEYS, normalised
from mmsearch_dagster.core.understanding.spans import Reading
from mmsearch_dagster.core.understanding.understood import (
    BRAND,
    CATEGORY,
    COLOUR,
    GENDER,
    PREFER,
    SIZE,
    QueryPart,
)
from mmsearch_dagster.core.understanding.value_words import COLOURS, GENDERS, kind_of_key, meanings

# An attribute of more different values than that says something of its own about each product.
_MOST_VALUES = 300
_MOST_WORDS = 4
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_HAN = re.compile("[\u3400-\u9fff]")
# `plante d'intérieur` is asked for as `plante interieur`.
_ELIDED = re.compile(r"(?<![^\W_])(?:[dlmnstcj]|qu)['’](?=[^\W_]{2})")
_PEOPLE = meanings(GENDERS)
_SIZE = re.compile(
    r"\b(?:size|größe|groesse|gr\.|taille|talla|taglia|tamanho|maat)\s+([\w./-]+)|([\w.]+)\s*码",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class CatalogueValues:
    """Stemmed phrase -> (kind, value); of Chinese, the phrase as it is. sizes: folded, that products have."""

    phrases: Mapping[str, tuple[str, str]]
    sizes: frozenset[str]

    def of(self, phrase: str) -> tuple[str, str] | None:
        """Kind and value that a phrase names, None for none."""
        return self.phrases.get(stemmed(phrase)) or self.phrases.get(fold(phrase))

    def read(self, text: str) -> list[Reading]:
        """The longest phrases of a text that are values, as preferences."""
        readings = [*self._sizes(text), *self._chinese(text)]
        words = [match for match in _WORD.finditer(text) if not _HAN.search(match.group())]
        at = 0
        while at < len(words):
            length = next((n for n in range(_MOST_WORDS, 0, -1) if self._at(text, words[at : at + n], n)), 0)
            if length:
                start, end = words[at].start(), words[at + length - 1].end()
                kind, value = self.of(text[start:end]) or ("", "")
                readings.append(Reading(start, end, QueryPart(kind, text[start:end], value, PREFER)))
            at += max(length, 1)
        return sorted(readings, key=lambda reading: reading.start)

    def _at(self, text: str, words: "Sequence[re.Match[str]]", length: int) -> bool:
        return len(words) == length and self.of(text[words[0].start() : words[-1].end()]) is not None

    def _sizes(self, text: str) -> list[Reading]:
        """A size is read where it is called one: `size M`, `Größe 42`, `42码`."""
        return [
            Reading(match.start(), match.end(), QueryPart(SIZE, match.group(), match[1] or match[2], PREFER))
            for match in _SIZE.finditer(text)
            if fold(match[1] or match[2]) in self.sizes
        ]

    def _chinese(self, text: str) -> list[Reading]:
        if not _HAN.search(text):
            return []
        readings: list[Reading] = []
        for phrase in sorted((p for p in self.phrases if _HAN.search(p)), key=len, reverse=True):
            for match in re.finditer(re.escape(phrase), fold(text)):
                if all(match.end() <= r.start or r.end <= match.start() for r in readings):
                    kind, value = self.phrases[phrase]
                    readings.append(
                        Reading(match.start(), match.end(), QueryPart(kind, match.group(), value, PREFER))
                    )
        return readings


@lru_cache(maxsize=65_536)
def stemmed(phrase: str) -> str:
    """The stems of a phrase's words, joined by blanks.

    >>> stemmed("Table Lamps")
    'tabl lamp'
    """
    return " ".join(stem(word) for word in _WORD.findall(_ELIDED.sub("", fold(phrase))))


def values_of(products: Iterable[Mapping[str, Any]]) -> CatalogueValues:
    """Collects the values of a catalogue: of two kinds for one phrase the earlier of brand, category, colour,
    gender, attribute counts."""
    brands: set[str] = set()
    levels: set[str] = set()
    attributes: dict[str, Counter[str]] = {}
    for row in products:
        if row.get(col.BRAND):
            brands.add(row[col.BRAND])
        levels.update(category_words(row.get(col.CATEGORY)))
        for pair in row.get(col.ATTRIBUTES) or ():
            for value in single_values(pair.get("value")):
                attributes.setdefault(pair["key"], Counter())[value] += 1
    phrases: dict[str, tuple[str, str]] = {}
    _add(phrases, BRAND, brands)
    # `Women` above `Tops` says for whom it is, not what it is.
    _add(phrases, CATEGORY, (level for level in levels if fold(level) not in _PEOPLE))
    for kind, lexicon in ((COLOUR, COLOURS), (GENDER, GENDERS)):
        for value, forms in lexicon.items():
            _add(phrases, kind, [value, *forms], value)
    sizes: set[str] = set()
    for key, values in sorted(attributes.items()):
        kind = kind_of_key(key)
        if kind == SIZE:
            sizes.update(fold(value) for value in values)
        elif len(values) <= _MOST_VALUES and normalised(key) not in ATTRIBUTE_KEYS:
            named = (
                value for value in values if len(value.split()) <= _MOST_WORDS and not _is_measure(value)
            )
            _add(phrases, kind, named)
    return CatalogueValues(phrases, frozenset(sizes))


def _is_measure(value: str) -> bool:
    """Whether a value is a number alone or a unit alone, which stand in a query for anything.

    >>> _is_measure("50"), _is_measure("kg"), _is_measure("50 kg")
    (True, True, False)
    """
    return not re.search(r"[^\W\d_]", value) or (
        value.isalpha() and bool(read_quantities(f"1 {value.lower()}"))
    )


def _add(
    phrases: dict[str, tuple[str, str]], kind: str, values: Iterable[str], meaning: str | None = None
) -> None:
    for value in sorted(values):
        phrase = fold(value) if _HAN.search(value) else stemmed(value)
        if len(phrase) > 1:
            phrases.setdefault(phrase, (kind, meaning or value))
