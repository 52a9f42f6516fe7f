"""Which columns hold a few short values each, such as colours, and can be asked for by them."""

import re
from collections.abc import Sequence

from mmsearch_dagster.core.catalog.casting.yes_no import YES_NO_WORDS

_FEWEST, _LONGEST, _MOST_WORDS = 10, 40, 5
# A share of the values that are different: above it they are names, not kinds. A share that must be words.
_DIFFERENT, _WORDED = 0.5, 0.8
_WORDS = re.compile(r"[^\W\d_]")
_NO_WORDS = re.compile(r"://|@|^[\w-]+[/\\]\S*\.\w{2,4}$|^#[0-9a-fA-F]{3,8}$|\d{4}-\d\d-\d\d|\d\d:\d\d")


def is_facet(values: Sequence[str]) -> bool:
    """Whether the values of a column, without the empty ones, are kinds of something: `G13`, `red`, `IP65`.

    >>> is_facet(["red", "blue"] * 5), is_facet([str(number) for number in range(10)])
    (True, False)
    """
    different = {value.strip().casefold() for value in values}
    if len(values) < _FEWEST or not 2 <= len(different) <= _DIFFERENT * len(values):
        return False
    if different <= YES_NO_WORDS or any(map(_NO_WORDS.search, different)):
        return False
    if any(len(value) > _LONGEST or len(value.split()) > _MOST_WORDS for value in different):
        return False
    return sum(1 for value in values if _WORDS.search(value)) >= _WORDED * len(values)
