"""What a filter says, as a tree of conditions, and each condition as SQL of the index."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mmsearch_dagster.core.catalog import columns as col


@dataclass(frozen=True)
class FilterComparison:
    """One column, or one attribute, compared with values.

    text: as it stands in the filter. column: the column; `attributes` for an attribute. attribute: the
    attribute's name, else None. sign: `=`, `!=`, `<`, `<=`, `>`, `>=`, `~`, `in`, `not in`, `is null`,
    `is not null`. values: of a text column its texts, else empty.
    """

    text: str
    sql: str
    column: str
    attribute: str | None
    sign: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class FilterNegation:
    """What does not meet `part`."""

    text: str
    part: "FilterCondition"

    @property
    def sql(self) -> str:
        return f"(NOT {self.part.sql})"


@dataclass(frozen=True)
class FilterGroup:
    """Several conditions. word: `AND`, all of them hold; `OR`, one of them."""

    text: str
    word: str
    parts: tuple["FilterCondition", ...] = field(default=())

    @property
    def sql(self) -> str:
        return "(" + f" {self.word} ".join(part.sql for part in self.parts) + ")"


FilterCondition = FilterComparison | FilterNegation | FilterGroup


def comparisons(condition: FilterCondition) -> Iterator[FilterComparison]:
    """The comparisons of a condition that are not negated, from left to right."""
    if isinstance(condition, FilterComparison):
        yield condition
    elif isinstance(condition, FilterGroup):
        for part in condition.parts:
            yield from comparisons(part)


def all_of(condition: FilterCondition) -> tuple[FilterCondition, ...]:
    """The conditions that have to hold together."""
    if isinstance(condition, FilterGroup) and condition.word == "AND":
        return tuple(part for inner in condition.parts for part in all_of(inner))
    return (condition,)


def quoted(value: str) -> str:
    """A SQL string literal: only the single quote is special in it."""
    return "'" + value.replace("'", "''") + "'"


def category_sql(category: str) -> str:
    """Whether these levels stand one after the other in a path; a level ends where a separator stands.

    `contains` knows no wildcard, so nothing in the name needs an escape. `||` keeps a missing path missing.
    """
    edge = col.CATEGORY_SEPARATOR
    between, parted = quoted(col.PATHS_SEPARATOR), quoted(f"{edge}{col.PATHS_SEPARATOR}{edge}")
    paths = f"replace(lower({col.CATEGORY}), {between}, {parted})"
    path = f"{quoted(edge)} || {paths} || {quoted(edge)}"
    return f"(contains({path}, lower({quoted(edge + category + edge)})))"


def attribute_sql(name: str, values: tuple[str, ...], *, negated: bool = False) -> str:
    """Whether a product's attribute has one of these values; negated: has none of them, or is missing."""
    pairs = [f"named_struct('key', {quoted(name)}, 'value', {quoted(value)})" for value in values]
    either = " OR ".join(f"array_has({col.ATTRIBUTES}, {pair})" for pair in pairs)
    return f"(NOT coalesce({either}, false))" if negated else f"({either})"
