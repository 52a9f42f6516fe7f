"""A map of attributes written in one text: a JSON object, or pairs such as `colour=red,size=4`."""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

_PAIRS, _EQUALS = (",", ";", "|", "\n", "&"), ("=", ":")
_LONGEST_NAME = 60
# `[S]Color=Black` of BigCommerce: the kind of input; `Color:Black:1:0` of PrestaShop: the place in a list.
_MARK, _POSITION = re.compile(r"^\[\w{1,4}\]"), re.compile(r"(?::\d+)+$")


def attribute_pairs(text: str, pairs: str | None = None, equals: str | None = None) -> dict[str, str] | None:
    """Name -> value; None where the text is no map.

    Args:
        text: the cell.
        pairs: between two pairs; None for the first of `,` `;` `|` and a line break that parts pairs.
        equals: between a name and its value; None for `=`, else `:`.
    """
    if text.lstrip().startswith("{") and pairs is None:
        return _json_map(text)
    for sign in (equals,) if equals else _EQUALS:
        if sign in text:
            return _split(text, (pairs,) if pairs else _PAIRS, sign)
    return None


def _json_map(text: str) -> dict[str, str] | None:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = as_literal(text)
    return as_text_map(values) if isinstance(values, dict) else None


def as_literal(text: str) -> Any:
    """A map or a list as Python prints it, with single quotes; None for other text."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def as_text_map(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as text, nested ones as JSON; those that are null are left out."""
    return {str(name): as_json_text(value) for name, value in values.items() if value is not None}


def as_json_text(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _split(text: str, separators: tuple[str, ...], equals: str) -> dict[str, str] | None:
    """By the separator that gives most pairs. A part without a name goes on with the value before it."""
    best: list[tuple[str, str]] = []
    for separator in separators:
        pairs = _pairs(text.split(separator), separator, equals)
        if pairs is not None and len(pairs) > len(best):
            best = pairs
    values = [value for _, value in best]
    if equals == ":" and values and all(_POSITION.search(value) for value in values):
        best = [(name, _POSITION.sub("", value)) for name, value in best]
    return {name: value for name, value in best if value} or None


def _pairs(parts: list[str], separator: str, equals: str) -> list[tuple[str, str]] | None:
    pairs: list[tuple[str, str]] = []
    for part in parts:
        name, sign, value = part.partition(equals)
        if sign and _is_name(name):
            pairs.append((_MARK.sub("", name.strip().strip('"')), value.strip().strip('"')))
        elif not part.strip():
            continue
        elif pairs:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}{separator}{part}")
        else:
            return None
    return pairs


def _is_name(text: str) -> bool:
    return bool(re.search(r"\w", text)) and len(text.strip()) <= _LONGEST_NAME and "//" not in text
