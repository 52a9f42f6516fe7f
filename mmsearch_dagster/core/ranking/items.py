"""A product as the ranking features read it: its terms by field, taken apart once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.ranking.preferences import Values, stated_values
from mmsearch_dagster.core.text.terms import Terms, read_terms

TITLE, CATEGORY, BRAND, ATTRIBUTES, DESCRIPTION = FIELDS = (
    "title", "category", "brand", "attributes", "description",
)  # fmt: skip
ALL = "all"
COLUMNS: tuple[str, ...] = (*FIELDS, ALL)
# Of long descriptions the end says little about the product and costs time in every query.
_DESCRIPTION_CHARACTERS = 1_000


@dataclass(frozen=True)
class ItemTerms:
    """One product.

    words: word -> how often it stands in each of COLUMNS. lengths: words in each of COLUMNS.
    title: the title's terms. codes, quantities: of all fields. price: in the shop's currency. category: its
    path. stated: its brand, colour and so on, for the query's preferences.
    """

    words: Mapping[str, tuple[int, ...]]
    lengths: tuple[int, ...]
    title: Terms
    codes: frozenset[str]
    quantities: Mapping[str, frozenset[float]]
    joined: frozenset[str]
    price: float | None = None
    category: str | None = None
    stated: Values = field(default_factory=dict[str, frozenset[str]])


def item_terms(row: Mapping[str, Any]) -> ItemTerms:
    """A product's row of the contract; what is missing is empty."""
    texts = (
        row.get(col.TITLE),
        (row.get(col.CATEGORY) or "").replace(">", " "),
        row.get(col.BRAND),
        _attribute_text(row.get(col.ATTRIBUTES)),
        (row.get(col.DESCRIPTION) or "")[:_DESCRIPTION_CHARACTERS],
    )
    parts = [read_terms(text) for text in texts]
    quantities: dict[str, frozenset[float]] = {}
    for part in parts:
        for unit, values in part.quantities.items():
            quantities[unit] = quantities.get(unit, frozenset()) | values
    return ItemTerms(
        words=_counted([part.words for part in parts]),
        lengths=(*(len(part.words) for part in parts), sum(len(part.words) for part in parts)),
        title=parts[0],
        codes=frozenset().union(*(part.codes for part in parts)),
        quantities=quantities,
        joined=frozenset().union(*(part.joined for part in parts)),
        price=row.get(col.PRICE),
        category=row.get(col.CATEGORY),
        stated=stated_values(row),
    )


def _counted(fields: Sequence[Sequence[str]]) -> dict[str, tuple[int, ...]]:
    """Word -> how often it stands in each field and in all of them."""
    counts: dict[str, list[int]] = {}
    for column, words in enumerate(fields):
        for word in words:
            of_word = counts.setdefault(word, [0] * len(COLUMNS))
            of_word[column] += 1
            of_word[-1] += 1
    return {word: _shared(tuple(numbers)) for word, numbers in counts.items()}


@lru_cache(maxsize=65_536)
def _shared(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """The same tuple for the same numbers: few are different, and a catalogue has millions of them."""
    return numbers


def _attribute_text(attributes: Sequence[Mapping[str, Any]] | None) -> str:
    return " ".join(str(pair["value"]) for pair in attributes or () if pair.get("value"))
