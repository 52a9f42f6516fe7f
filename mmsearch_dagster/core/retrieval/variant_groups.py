"""Variants of one product in an answer: shown once, with the variant that fits best in front."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmsearch_dagster.core.catalog.columns import PARENT_ID, PRICE, PRODUCT_ID


@dataclass(frozen=True)
class VariantFacts:
    """All variants of a product. count: how many. price_from, price_to: None where none has a price."""

    count: int
    price_from: float | None
    price_to: float | None


@dataclass(frozen=True)
class VariantGroups:
    """Which products are variants of one.

    parent_of: product id -> parent id, of products that have siblings. facts: parent id -> its variants.
    """

    parent_of: Mapping[str, str] = field(default_factory=dict[str, str])
    facts: Mapping[str, VariantFacts] = field(default_factory=dict[str, VariantFacts])

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> "VariantGroups":
        """From rows with `product_id`, `parent_id` and `price`; rows of old releases have no `parent_id`."""
        siblings: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            if row.get(PARENT_ID) is not None:
                siblings.setdefault(row[PARENT_ID], []).append(row)
        groups = {parent: variants for parent, variants in siblings.items() if len(variants) > 1}
        return cls(
            {row[PRODUCT_ID]: parent for parent, variants in groups.items() for row in variants},
            {parent: _facts(variants) for parent, variants in groups.items()},
        )

    def __bool__(self) -> bool:
        return bool(self.parent_of)

    def key(self, product_id: str) -> str:
        """What variants of one product have in common; a product without siblings is its own."""
        return self.parent_of.get(product_id, product_id)

    def facts_of(self, product_id: str) -> VariantFacts | None:
        """All variants of the product that this one is a variant of, None where it has no siblings."""
        parent = self.parent_of.get(product_id)
        return None if parent is None else self.facts[parent]

    def first_of_each(self, ranked: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
        """Of each product its best variant.

        Args:
            ranked: (product id, score), best first.
        """
        if not self:
            return list(ranked)
        best: dict[str, tuple[str, float]] = {}
        for product_id, score in ranked:
            best.setdefault(self.key(product_id), (product_id, score))
        return list(best.values())

    def ranking(self, product_ids: Sequence[str]) -> list[str]:
        """A ranking of products instead of variants, for figures."""
        return list(dict.fromkeys(self.key(product_id) for product_id in product_ids))

    def grades(self, graded: Mapping[str, int]) -> dict[str, int]:
        """Product -> the best grade of its variants."""
        best: dict[str, int] = {}
        for product_id, grade in graded.items():
            key = self.key(product_id)
            best[key] = max(grade, best.get(key, grade))
        return best


def _facts(variants: Sequence[Mapping[str, Any]]) -> VariantFacts:
    prices = [row[PRICE] for row in variants if row.get(PRICE) is not None]
    return VariantFacts(len(variants), min(prices, default=None), max(prices, default=None))


def variants_record(variants: VariantFacts | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    """How many variants a product has and what they cost, as JSON has it.

    Args:
        variants: None for a product without others.
        payload: of the product in front.
    """
    price = payload.get(PRICE)
    facts = variants or VariantFacts(1, price, price)
    return {"variants": facts.count, "price_from": facts.price_from, "price_to": facts.price_to}
