"""What a query was understood to say: the record that every answer carries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

IDENTIFIER = "identifier"
SPELLING = "spelling"
SYNONYM = "synonym"
PRICE = "price"
STOCK = "stock"
WITHOUT = "without"
LIKE = "like"
UNMATCHED = "unmatched"
# Signs that are read as the words of their names.
EMOJI = "emoji"
BRAND = "brand"
CATEGORY = "category"
COLOUR = "colour"
GENDER = "gender"
SIZE = "size"
# Any other attribute of the catalogue, as its own key.
ATTRIBUTE = "attribute"
KINDS = (
    *(IDENTIFIER, SPELLING, SYNONYM, PRICE, STOCK, WITHOUT, LIKE, UNMATCHED, EMOJI),
    *(BRAND, CATEGORY, COLOUR, GENDER, SIZE, ATTRIBUTE),
)

FIRST = "first"
REWRITE = "rewrite"
EXPAND = "expand"
FILTER = "filter"
PREFER = "prefer"
MESSAGE = "message"


@dataclass(frozen=True)
class QueryPart:
    """One thing that a query says.

    kind: of KINDS. text: the typed words. value: what they mean, for people. effect: FIRST (these products
    lead the list), REWRITE (other words are searched), EXPAND (further words are searched), FILTER (only
    products that pass), PREFER (a feature of the ranking), MESSAGE (nothing but the message itself).
    condition: SQL of a FILTER, over the index's columns.
    """

    kind: str
    text: str
    value: str
    effect: str
    condition: str | None = None

    @property
    def name(self) -> str:
        """What undoes it: `price:under 60`."""
        return f"{self.kind}:{self.text}"


@dataclass(frozen=True)
class Understood:
    """A query as it is searched.

    typed: cleaned, as it was given. text: what encoders and full-text search read instead. expansions:
    further words for full-text search alone. parts: in the order of reading. product_ids: named by an
    identifier. attested: whether the catalogue has one of its words. suggestion: a doubtful correction, as a
    whole query, which is offered and not applied.
    """

    typed: str
    text: str
    expansions: tuple[str, ...] = ()
    parts: tuple[QueryPart, ...] = ()
    product_ids: tuple[str, ...] = ()
    attested: bool = True
    suggestion: str | None = None

    @property
    def search_text(self) -> str:
        """What full-text search reads."""
        return " ".join((self.text, *self.expansions))

    @property
    def condition(self) -> str | None:
        """SQL of all filters together, None without one."""
        return joined_conditions([part.condition for part in self.parts])

    @property
    def is_text_alone(self) -> bool:
        """Whether `text` says all: no further words, no filter, no product that leads."""
        return not (self.expansions or self.condition or self.product_ids)

    def without_filters(self, left_out: Callable[[str], bool]) -> "Understood":
        """The filters of these kinds no longer filter, and say so.

        Args:
            left_out: whether a kind of part is meant.
        """
        parts = tuple(
            replace(part, effect=MESSAGE, condition=None)
            if part.effect == FILTER and left_out(part.kind)
            else part
            for part in self.parts
        )
        return replace(self, parts=parts)

    def values(self, kind: str) -> tuple[str, ...]:
        """The values of all parts of a kind."""
        return tuple(part.value for part in self.parts if part.kind == kind)


def joined_conditions(conditions: Sequence[str | None]) -> str | None:
    """One SQL condition that all of them hold, None where there is none."""
    given = [f"({condition})" for condition in conditions if condition]
    return " AND ".join(given) or None


def understood_record(understood: Understood | None) -> dict[str, Any] | None:
    """What an answer says of its words, for JSON; without the SQL."""
    if understood is None:
        return None
    return {
        "typed": understood.typed,
        "searched": understood.text,
        "expansions": list(understood.expansions),
        "suggestion": understood.suggestion,
        "parts": [
            {
                "name": part.name,
                "kind": part.kind,
                "text": part.text,
                "value": part.value,
                "effect": part.effect,
            }
            for part in understood.parts
        ],
    }
