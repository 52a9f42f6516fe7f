"""What a query does not want: `not dress`, `without hood`, `不要红色`."""

import re
from collections.abc import Iterable, Iterator

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.retrieval.filters.conditions import category_sql, quoted
from mmsearch_dagster.core.retrieval.rank_fusion import SEARCH_TEXT
from mmsearch_dagster.core.text.preparation import fold
from mmsearch_dagster.core.text.terms import ENGLISH_STOP_WORDS
from mmsearch_dagster.core.understanding.spans import Reading
from mmsearch_dagster.core.understanding.understood import BRAND, CATEGORY, COLOUR, FILTER, WITHOUT, QueryPart
from mmsearch_dagster.core.understanding.value_words import COLOURS
from mmsearch_dagster.core.understanding.values import CatalogueValues
from mmsearch_dagster.core.understanding.vocabulary import Vocabulary

_ENGLISH = re.compile(
    r"(?<![\w-])(?:but\s+)?(?P<marker>not|without|w/o|except(?:\s+for)?|excluding|other\s+than|"
    r"anything\s+but|no)\s+(?:(?:a|an|the|any|in|with|for|made\s+of)\s+)*(?![\W\d])",
    re.IGNORECASE,
)
_OR = re.compile(r"\s*(?:,\s*)?(?:or|nor)\s+(?:(?:a|an|the|any|in)\s+)?", re.IGNORECASE)
_CHINESE = re.compile(r"(?:但是?|可是)?(?:不想要|不要|除了|除去|不含|不带|(?<!有)没有)\s*")
_HAN_RUN = re.compile("[\u3400-\u9fff]+")
_HAN_END = re.compile("[的之以除但和]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# Words behind `not` or `no` that deny nothing of a product.
_NO_OBJECT = frozenset((
    "too", "only", "just", "sure", "very", "so", "really", "included", "required", "necessary", "more",
    "less", "iron", "name", "one", "all", "working", "found", "available",
))  # fmt: skip
_MOST_WORDS = 3


def negations(text: str, vocabulary: Vocabulary, values: CatalogueValues) -> list[Reading]:
    """What is excluded, as filters; only what the catalogue has a value or words for.

    After `no`, which stands in many names, only a value counts.
    """
    return [*_english(text, vocabulary, values), *_chinese(text, vocabulary, values)]


def _english(text: str, vocabulary: Vocabulary, values: CatalogueValues) -> Iterator[Reading]:
    for match in _ENGLISH.finditer(text):
        start, at = match.start(), match.end()
        while True:
            end = _object_end(text, at, vocabulary, values, only_values=match["marker"].lower() == "no")
            if end is None:
                break
            phrase = text[at:end]
            condition = excluded(phrase, vocabulary, values)
            yield Reading(start, end, QueryPart(WITHOUT, phrase, f"no {phrase}", FILTER, condition))
            following = _OR.match(text, end)
            if following is None:
                break
            start, at = end, following.end()


def _object_end(
    text: str, at: int, vocabulary: Vocabulary, values: CatalogueValues, *, only_values: bool
) -> int | None:
    """Where the longest value or, else, the word that begins at `at` ends; None where there is neither."""
    ends: list[int] = []
    while len(ends) < _MOST_WORDS and (word := _WORD.match(text, ends[-1] + 1 if ends else at)):
        ends.append(word.end())
    for end in reversed(ends):
        if values.of(text[at:end]) is not None:
            return end
    word = text[at : ends[0]].lower() if ends else ""
    refused = only_values or word in _NO_OBJECT or word in ENGLISH_STOP_WORDS or not vocabulary.has(word)
    return ends[0] if ends and not refused else None


def _chinese(text: str, vocabulary: Vocabulary, values: CatalogueValues) -> Iterator[Reading]:
    for match in _CHINESE.finditer(text):
        run = _HAN_RUN.match(text, match.end())
        if run is None:
            continue
        named = _HAN_END.split(run.group(), maxsplit=1)[0]
        lengths = [n for n in range(len(named), 0, -1) if values.of(named[:n]) is not None]
        length = lengths[0] if lengths else len(named)
        phrase = named[:length]
        if phrase and (lengths or all(vocabulary.has(phrase[n : n + 2]) for n in range(max(1, length - 1)))):
            condition = excluded(phrase, vocabulary, values)
            part = QueryPart(WITHOUT, phrase, f"不要{phrase}", FILTER, condition)
            yield Reading(match.start(), match.end() + length, part)


def excluded(phrase: str, vocabulary: Vocabulary, values: CatalogueValues) -> str:
    """SQL for the products that are not this: by their category or brand where it names one, else by text."""
    kind, value = values.of(phrase) or ("", phrase)
    if kind == CATEGORY:
        return _outside(value, phrase, vocabulary)
    if kind == BRAND:
        return f"NOT coalesce(lower({col.BRAND}) = {quoted(value.lower())}, false)"
    named = [phrase, value, *COLOURS.get(value, ())] if kind == COLOUR else [phrase]
    return f"NOT {_mentions(SEARCH_TEXT, named, vocabulary)}"


def _outside(category: str, phrase: str, vocabulary: Vocabulary) -> str:
    """Of products without a category, the title decides."""
    titled = _mentions(f"coalesce({col.TITLE}, '')", [phrase], vocabulary)
    return f"NOT coalesce({category_sql(category)}, {titled})"


def _mentions(column: str, phrases: Iterable[str], vocabulary: Vocabulary) -> str:
    """SQL for the products that have one of the phrases in a column, in any form of its words."""
    checks: list[str] = []
    for phrase in dict.fromkeys(phrases):
        if _HAN_RUN.search(phrase):
            checks.append(f"contains({column}, {quoted(phrase)})")
            continue
        words = [
            "(" + "|".join(map(re.escape, vocabulary.forms_of(word))) + ")"
            for word in _WORD.findall(fold(phrase))
        ]
        pattern = rf"(?i)\b{'[^a-z0-9]+'.join(words)}\b"
        checks.append(f"regexp_like({column}, {quoted(pattern)})")
    return "(" + " OR ".join(checks) + ")"
