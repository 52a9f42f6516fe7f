"""What the shop wants of lists made for a person: assets/policies/business.yaml as records, and their effect.

A search without a person is not such a list: it keeps the order of relevance.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mmsearch_dagster.core.catalog.columns import (
    BRAND,
    CATEGORY,
    CATEGORY_SEPARATOR,
    IN_STOCK,
    PATHS_SEPARATOR,
    PRODUCT_ID,
)
from mmsearch_dagster.core.config_file import parse_reviewed

Payload = Mapping[str, Any]


class Target(BaseModel):
    """Products that a rule is about: by id, by brand, by category (with everything below it)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    products: tuple[str, ...] = Field(default=(), strict=False)
    brands: tuple[str, ...] = Field(default=(), strict=False)
    categories: tuple[str, ...] = Field(default=(), strict=False)

    def holds(self, product: Payload) -> bool:
        """Whether this product is meant; names compare without case."""
        brand, path = product.get(BRAND), product.get(CATEGORY)
        return (
            product.get(PRODUCT_ID) in self.products
            or (brand is not None and brand.casefold() in {name.casefold() for name in self.brands})
            or (path is not None and any(_within(path, category) for category in self.categories))
        )


class Boost(Target):
    """Multiplies the score (after scaling to [0, 1]); above 1 lifts, below 1 lowers."""

    factor: float = Field(gt=0.0, le=100.0)


class Pin(BaseModel):
    """A product at a fixed place (from 1), whenever it is among the candidates."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    product: str
    place: int = Field(ge=1, le=1000)


class BusinessRules(BaseModel):
    """assets/policies/business.yaml as read; an unknown key is an error.

    out_of_stock: `keep`, `last` (behind everything in stock) or `hide`. already_bought: the same for what the
    person bought before, in recommendations. bury: last of all. diversity: how much relevance is traded for
    difference in recommendations and similar products, 0 none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    out_of_stock: Literal["keep", "last", "hide"] = "last"
    already_bought: Literal["keep", "last", "hide"] = "last"
    pin: tuple[Pin, ...] = Field(default=(), strict=False)
    bury: Target = Target()
    boost: tuple[Boost, ...] = Field(default=(), strict=False)
    diversity: float = Field(default=0.0, ge=0.0, le=1.0)


@dataclass(frozen=True)
class Ruled:
    """One product after the rules: its score, and the names of the rules that moved it."""

    product_id: str
    score: float
    rules: tuple[str, ...]


def apply_rules(
    ranked: Sequence[tuple[str, float]],
    payload: Mapping[str, Payload],
    rules: BusinessRules,
    *,
    bought: Collection[str] = (),
) -> list[Ruled]:
    """`ranked` (product id, score; best first) as the shop wants it. Products without payload are left out.

    bought: what the person already has. Boosts multiply scores scaled to [0, 1], so they act the same
    whatever the scores' range; then what is bought, behind it what is out of stock, behind that what is
    buried are pushed back, keeping the order among their own; then pins take their places, the first of two
    for one place wins.
    """
    scored = [(key, score) for key, score in ranked if key in payload]
    low = min((score for _, score in scored), default=0.0)
    reach = max((score for _, score in scored), default=1.0) - low or 1.0
    moved = []
    for key, score in scored:
        product = payload[key]
        boosts = [boost.factor for boost in rules.boost if boost.holds(product)]
        scaled = prod(boosts, start=(score - low) / reach)
        pushed = _pushed(product, rules, key in bought)
        if pushed is not None:
            names = (*(f"boost {factor:g}" for factor in boosts), *(name for _, name in pushed))
            level = max((level for level, _ in pushed), default=0)
            moved.append((level, -scaled, Ruled(key, scaled, names)))
    ordered = [ruled for _, _, ruled in sorted(moved, key=lambda entry: entry[:2])]
    return _pinned(ordered, rules.pin)


def _pushed(product: Payload, rules: BusinessRules, bought: bool) -> list[tuple[int, str]] | None:
    """How far back each rule pushes a product, and its name; None where one hides it."""
    pushes = []
    for level, name, wish, applies in (
        (1, "already bought", rules.already_bought, bought),
        (2, "out of stock", rules.out_of_stock, product.get(IN_STOCK) is False),
        (3, "buried", "last", rules.bury.holds(product)),
    ):
        if applies and wish == "hide":
            return None
        if applies and wish == "last":
            pushes.append((level, name))
    return pushes


def _pinned(ordered: list[Ruled], pins: Sequence[Pin]) -> list[Ruled]:
    present = {ruled.product_id: ruled for ruled in ordered}
    held: dict[int, Ruled] = {}
    for pin in pins:
        pinned = present.get(pin.product)
        if (
            pinned is not None
            and pin.place not in held
            and all(h.product_id != pin.product for h in held.values())
        ):
            held[pin.place] = Ruled(
                pinned.product_id, pinned.score, (*pinned.rules, f"pinned to {pin.place}")
            )
    taken = {ruled.product_id for ruled in held.values()}
    result = [ruled for ruled in ordered if ruled.product_id not in taken]
    for position in sorted(held):
        result.insert(min(position - 1, len(result)), held[position])
    return result


def _within(category: str, prefix: str) -> bool:
    """Whether one of the category's paths begins with the levels of `prefix`."""
    start = _levels(prefix)
    return any(_levels(path)[: len(start)] == start for path in category.split(PATHS_SEPARATOR))


def _levels(path: str) -> list[str]:
    return [part.strip().casefold() for part in path.split(CATEGORY_SEPARATOR.strip())]


def parse_rules(text: str, where: str) -> BusinessRules:
    """The rules in a YAML text; `where` names it in messages. Raises ConfigError."""
    return parse_reviewed(BusinessRules, text, where, what="business rules")
