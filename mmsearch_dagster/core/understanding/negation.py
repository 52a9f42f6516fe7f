"""What a query does not want: `not dress`, `without hood`, `不要红色`."""

import re
from collections.abc import Iterable, Iterator

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.retrieval.filters.conditions import category_sql, quoted
from mmsearch_dagster.core.retrieval.rank_fusion import SEARCH_TEXT
from mmsearch_dagster.core.text.preparation import fold
from mmsearch_dagster.core.text.terms import ENGLISH_STOP_WORDS
from mmsearch_dagster.core.understanding.languages import LANGUAGES, QueryLanguage
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
    "troppo", "cher", "chere", "chers", "cheres", "trop", "zu", "sehr", "teuer", "te", "duur", "caro",
    "cara", "muy",
))  # fmt: skip
_MOST_WORDS = 3
# How the text of a product says what it does not have.
_WITHOUT = "without|no|not|non|zero|0|free of|free from|ohne|keine?|frei von|sans|sin|senza|zonder|geen|sem"


def negations(text: str, vocabulary: Vocabulary, values: CatalogueValues) -> list[Reading]:
    """What is excluded, as filters; only what the catalogue has a value or words for.

    After `no`, which stands in many names, only a value counts.
    """
    spoken = [LANGUAGES[name] for name in vocabulary.languages]
    further = (reading for language in spoken for reading in _further(text, language, vocabulary, values))
    return [*_english(text, vocabulary, values), *further, *_chinese(text, vocabulary, values)]


def _further(
    text: str, language: QueryLanguage, vocabulary: Vocabulary, values: CatalogueValues
) -> Iterator[Reading]:
    for expression, only_values in ((language.without, False), (language.denies, True)):
        for match in re.finditer(rf"(?<![\w-])(?:{expression})\s+(?:[dl]['’])?", text, re.IGNORECASE):
            end = _object_end(text, match.end(), vocabulary, values, only_values=only_values)
            if end is None or fold(text[match.end() : end]) in language.function_words:
                continue
            phrase = text[match.end() : end]
            condition = excluded(phrase, vocabulary, values)
            part = QueryPart(WITHOUT, phrase, text[match.start() : end], FILTER, condition)
            yield Reading(match.start(), end, part)


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
            return _with_its_thing(text, at, ends, end, vocabulary, values)
    word = fold(text[at : ends[0]]) if ends else ""
    refused = only_values or word in _NO_OBJECT or word in ENGLISH_STOP_WORDS or not vocabulary.has(word)
    return ends[0] if ends and not refused else None


def _with_its_thing(
    text: str, at: int, ends: list[int], end: int, vocabulary: Vocabulary, values: CatalogueValues
) -> int:
    """Of `no black pepper` the end of `pepper`: a colour and a thing of titles, which is no value itself, are
    one thing."""
    following = next((other for other in ends if other > end), None)
    if following is None or (values.of(text[at:end]) or ("",))[0] != COLOUR:
        return end
    thing = text[end:following].strip()
    together = fold(text[at:end] + thing) in vocabulary.compounds and values.of(thing) is None
    return following if together else end


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
    if kind == COLOUR:
        return f"NOT {_mentions(SEARCH_TEXT, [phrase, value, *COLOURS.get(value, ())], vocabulary)}"
    return f"(NOT {_mentions(SEARCH_TEXT, [phrase], vocabulary)} OR {_denied(phrase, vocabulary)})"


def _denied(phrase: str, vocabulary: Vocabulary) -> str:
    """SQL for the products whose own text says that they are without it: `no added sugar`, `sugar-free`."""
    if _HAN_RUN.search(phrase):
        pattern = f"(无|不含|不添加|未添加|零|0|免|非)(添加)?{re.escape(phrase)}"
    else:
        words = _pattern_of(phrase, vocabulary)
        pattern = (
            rf"(?i)\b({_WITHOUT})[^a-z0-9]+(\w+[^a-z0-9]+)?{words}\b|\b{words}[^a-z0-9]*(free|less|frei\w*)\b"
        )
    return f"regexp_like({SEARCH_TEXT}, {quoted(pattern)})"


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
        pattern = rf"(?i)\b{_pattern_of(phrase, vocabulary)}\b"
        checks.append(f"regexp_like({column}, {quoted(pattern)})")
    return "(" + " OR ".join(checks) + ")"


def _pattern_of(phrase: str, vocabulary: Vocabulary) -> str:
    """The words of a phrase in any of their forms, with any signs between them."""
    words = [
        "(" + "|".join(map(re.escape, vocabulary.forms_of(word))) + ")"
        for word in _WORD.findall(fold(phrase))
    ]
    return "[^a-z0-9]+".join(words)
