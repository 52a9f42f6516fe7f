"""A product as the ranking stage reads it: its terms by field, taken apart once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.ranking.relevance.terms import Terms, read_terms

TITLE, CATEGORY, BRAND, ATTRIBUTES, DESCRIPTION = FIELDS = (
    "title", "category", "brand", "attributes", "description",
)  # fmt: skip
ALL = "all"
# Of long descriptions the end says little about the product and costs time in every query.
_DESCRIPTION_CHARACTERS = 1_000


@dataclass(frozen=True)
class ItemTerms:
    """One product.

    counts: per field of FIELDS and for all of them together, word -> how often. lengths: words in each.
    title: the title's terms. codes, quantities: of all fields. price: in the shop's currency.
    """

    counts: tuple[Mapping[str, int], ...]
    lengths: tuple[int, ...]
    title: Terms
    codes: frozenset[str]
    quantities: Mapping[str, frozenset[float]]
    joined: frozenset[str]
    price: float | None = None

    @property
    def words(self) -> Mapping[str, int]:
        """Every word of the product."""
        return self.counts[-1]


def item_terms(row: Mapping[str, Any]) -> ItemTerms:
    """A product's row of the contract; what is missing is empty."""
    texts = (
        row.get(c.TITLE),
        (row.get(c.CATEGORY) or "").replace(">", " "),
        row.get(c.BRAND),
        _attribute_text(row.get(c.ATTRIBUTES)),
        (row.get(c.DESCRIPTION) or "")[:_DESCRIPTION_CHARACTERS],
    )
    parts = [read_terms(text) for text in texts]
    counts = [Counter(part.words) for part in parts]
    total: Counter[str] = sum(counts, Counter())
    quantities: dict[str, frozenset[float]] = {}
    for part in parts:
        for unit, values in part.quantities.items():
            quantities[unit] = quantities.get(unit, frozenset()) | values
    return ItemTerms(
        counts=(*counts, total),
        lengths=(*(len(part.words) for part in parts), sum(len(part.words) for part in parts)),
        title=parts[0],
        codes=frozenset().union(*(part.codes for part in parts)),
        quantities=quantities,
        joined=frozenset().union(*(part.joined for part in parts)),
        price=row.get(c.PRICE),
    )


def _attribute_text(attributes: Sequence[Mapping[str, Any]] | None) -> str:
    return " ".join(str(pair["value"]) for pair in attributes or () if pair.get("value"))
