"""A ranking feature: what a query prefers (brand, colour, size ...), against what each product is."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.text.preparation import category_words, fold, single_values
from mmsearch_dagster.core.understanding.understood import (
    ATTRIBUTE,
    BRAND,
    CATEGORY,
    COLOUR,
    GENDER,
    PREFER,
    SIZE,
    QueryPart,
)
from mmsearch_dagster.core.understanding.value_words import COLOURS, GENDERS, kind_of_key, meanings

# Kind -> folded values.
Values = Mapping[str, frozenset[str]]

# Of an order by scores; the rest is what the retrievers say. Of 0.1, 0.2 and 0.3 for each 1 of theirs the
# middle one is better than none on all of four shops, and on none of them worse.
PREFERENCE_SHARE = 1 / 6
_CATEGORY_WEIGHT = 2.0
KINDS = (BRAND, CATEGORY, COLOUR, GENDER, SIZE, ATTRIBUTE)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_HAN = re.compile("[\u3400-\u9fff]")
_LEXICONS = ((COLOUR, COLOURS), (GENDER, GENDERS))
# How a colour or a gender is written -> what it is called.
_MEANINGS: Mapping[str, Mapping[str, str]] = {kind: meanings(lexicon) for kind, lexicon in _LEXICONS}


def preferred_values(parts: Iterable[QueryPart]) -> Values:
    """What a query prefers, by kind.

    Args:
        parts: of the understood query; those that do not prefer anything are left out.
    """
    values: dict[str, set[str]] = {}
    for part in parts:
        if part.effect == PREFER and part.kind in KINDS:
            values.setdefault(part.kind, set()).add(fold(part.value))
    return {kind: frozenset(of_kind) for kind, of_kind in values.items()}


def stated_values(row: Mapping[str, Any]) -> Values:
    """What a product's row of the contract states, by kind; colour and gender also from its title, where no
    attribute states them, and gender also from the levels of its category: `Women > Tops`.

    >>> stated_values({"title": "Blue shoes", "brand": "Arlo"})["colour"]
    frozenset({'blue'})
    """
    values: dict[str, set[str]] = {kind: set() for kind in KINDS}
    values[BRAND].update(fold(brand) for brand in [row.get(col.BRAND)] if brand)
    values[CATEGORY].update(map(fold, category_words(row.get(col.CATEGORY))))
    for pair in row.get(col.ATTRIBUTES) or ():
        kind = kind_of_key(pair["key"])
        for value in single_values(pair.get("value")):
            values[kind] |= {fold(value), *_named(kind, value)}
    values[GENDER] = values[GENDER] or _named(GENDER, row.get(col.CATEGORY) or "")
    for kind, _ in _LEXICONS:
        values[kind] = values[kind] or _named(kind, row.get(col.TITLE) or "")
    return {kind: frozenset(of_kind) for kind, of_kind in values.items() if of_kind}


def _named(kind: str, text: str) -> set[str]:
    """The colours or genders that a text names; `dark blue` is a blue too."""
    meanings = _MEANINGS.get(kind)
    if not meanings:
        return set()
    plain = fold(text)
    named = {meanings[word] for word in _WORD.findall(plain) if word in meanings}
    if _HAN.search(plain):
        named |= {value for form, value in meanings.items() if _HAN.search(form) and form in plain}
    return named


def agreement(preferred: Values, items: Sequence[Values]) -> NDArray[np.float64]:
    """Per product and kind of KINDS, whether it has what is preferred: 1 it has, -1 it states something else,
    0 it states nothing, NaN where nothing is preferred; last, the share of the preferred values that it has.

    Args:
        preferred: of the query.
        items: what each of `n` products states.

    Returns:
        float64 [n, 7].
    """
    rows = np.full((len(items), len(KINDS) + 1), np.nan)
    wished = sum(map(len, preferred.values()))
    if not wished:
        return rows
    matched = np.zeros(len(items))
    for kind, values in preferred.items():
        of_items = [item.get(kind, ()) for item in items]
        common = sum(np.array([value in stated for stated in of_items], dtype=int) for value in values)
        stated = np.array([kind in item for item in items], dtype=bool)
        rows[:, KINDS.index(kind)] = np.where(common > 0, 1.0, -1.0 * stated)
        matched += common
    rows[:, -1] = matched / wished
    return rows


def preference_scores(preferred: Values, items: Sequence[Values]) -> NDArray[np.float64]:
    """How well each product has what is preferred: the mean over the preferred values of 1 where it has the
    value, 0 where it states another one of that kind, 0.5 where it states none. A category counts as two: who
    asks for a dress of a size that no dress has wants a dress of another size before a shirt of this one.

    Args:
        preferred: of the query, at least one value.
        items: what each of `n` products states.

    Returns:
        float64 [n], 0 to 1.

    >>> preference_scores({"colour": frozenset({"red"})}, [{"colour": frozenset({"blue"})}, {}]).tolist()
    [0.0, 0.5]
    """
    wished = [(kind, value) for kind, values in preferred.items() for value in values]
    unstated, none = 0.5, frozenset[str]()
    weights = [_CATEGORY_WEIGHT if kind == CATEGORY else 1.0 for kind, _ in wished]
    sums = [
        sum(
            weight * (float(value in item.get(kind, none)) if kind in item else unstated)
            for weight, (kind, value) in zip(weights, wished, strict=True)
        )
        for item in items
    ]
    return np.array(sums, dtype=np.float64) / sum(weights)
