"""Stretches of a query that were read, and the query without them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mmsearch_dagster.core.understanding.understood import QueryPart

# What joins two parts of a query and means nothing once one of them is gone.
_LOOSE_START = re.compile(
    r"^(?:\s|[,;:，、；的但]|(?:and|but|or|for|with|in|at|price|priced|costing)\b)+", re.IGNORECASE
)
_LOOSE_END = re.compile(
    r"(?:\s|[,;:，、；的但]|\b(?:and|but|or|for|with|in|at|price|priced|prices|costing|that|is|are))+$",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Reading:
    """A part and where it stands in a text, from `start` to before `end`."""

    start: int
    end: int
    part: QueryPart


def without(text: str, readings: Iterable[Reading]) -> str:
    """The text without these stretches and the small words that joined them to the rest."""
    from_the_end = sorted(readings, key=lambda reading: -reading.start)
    if not from_the_end:
        return text
    for reading in from_the_end:
        head, tail = text[: reading.start], text[reading.end :]
        head = _LOOSE_END.sub("", head)
        tail = _LOOSE_START.sub("", tail) if not head.strip() else tail
        text = f"{head} {tail}"
    return _SPACE.sub(" ", text).strip(" ,;，")
