"""How many products a filter lets pass; and where none, which part of the filter is to blame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.retrieval.filters.conditions import (
    FilterComparison,
    FilterCondition,
    all_of,
    category_sql,
    comparisons,
)
from mmsearch_dagster.core.retrieval.filters.language import parse_filter
from mmsearch_dagster.core.suggest import did_you_mean

if TYPE_CHECKING:
    import polars as pl

_MOST_PARTS = 3
# Looking for the nearest of more names than these takes longer than a person waits.
_MOST_NAMES = 5_000


class FilteredTable(Protocol):
    """What is filtered."""

    def passing(self, where: str | None) -> int:
        """How many rows pass a condition in SQL."""
        ...

    def columns(self, names: Sequence[str]) -> "pl.DataFrame":
        """Some columns of every row."""
        ...


@dataclass(frozen=True)
class FilterOutcome:
    """text: the filter, as given. passing: how many products pass it. reason: why none does, else empty."""

    text: str
    passing: int
    reason: str = ""


def filter_outcome(text: str | None, table: FilteredTable) -> FilterOutcome | None:
    """What a filter leaves of a table; None for an empty filter. Raises QueryError for a wrong one."""
    condition = parse_filter(text)
    if text is None or condition is None:
        return None
    shown = text.strip().encode("utf-8", "replace").decode("utf-8")
    passing = table.passing(condition.sql)
    return FilterOutcome(shown, passing, "" if passing else _reason(condition, table))


def _reason(condition: FilterCondition, table: FilteredTable) -> str:
    parts = all_of(condition)
    counts = [table.passing(part.sql) for part in parts]
    if all(counts):
        alone = ", ".join(f"`{part.text}` {count:,}" for part, count in zip(parts, counts, strict=True))
        return f"each part alone lets some pass ({alone}), but no product passes all of them"
    if len(parts) == 1:
        return _joined(condition, table) or "loosen it or leave it out"
    empty = [part for part, count in zip(parts, counts, strict=True) if not count]
    return "; ".join(
        "; ".join(filter(None, (f"`{part.text}` fits no product", _joined(part, table))))
        for part in empty[:_MOST_PARTS]
    )


def _joined(part: FilterCondition, table: FilteredTable) -> str:
    """What was probably meant in a part that no product passes."""
    hints = dict.fromkeys(hint for leaf in comparisons(part) for hint in _hints(leaf, table))
    return "; ".join(list(hints)[:_MOST_PARTS])


def _hints(leaf: FilterComparison, table: FilteredTable) -> Iterator[str]:
    if leaf.column == col.PRICE:
        yield from _prices(table)
    if leaf.attribute is not None:
        yield from _attribute(leaf, table)
    elif leaf.values and leaf.sign in ("=", "in", "~"):
        names = _texts(table.columns([leaf.column]), leaf.column)
        for value in leaf.values:
            yield from (
                _category(value, leaf, names, table) if leaf.column == col.CATEGORY else _name(value, names)
            )


def _prices(table: FilteredTable) -> Iterator[str]:
    prices = table.columns([col.PRICE])
    if prices.width and prices[col.PRICE].count():
        low, high = prices[col.PRICE].drop_nulls().sort().gather([0, -1]).to_list()
        yield f"prices go from {low:.2f} to {high:.2f}"
    else:
        yield "no product has a price"


def _attribute(leaf: FilterComparison, table: FilteredTable) -> Iterator[str]:
    import polars as pl

    rows = table.columns([col.ATTRIBUTES])
    if not rows.width:
        return
    pairs = rows.select(pl.col(col.ATTRIBUTES).explode()).drop_nulls().unnest(col.ATTRIBUTES)
    keys = _texts(pairs, "key")
    if leaf.attribute not in keys:
        yield f"there is no attribute '{leaf.attribute}': {did_you_mean(str(leaf.attribute), keys)}"
        return
    for value in leaf.values:
        yield from _name(value, _texts(pairs.filter(pl.col("key") == leaf.attribute), "value"))


def _category(value: str, leaf: FilterComparison, names: list[str], table: FilteredTable) -> Iterator[str]:
    below = table.passing(category_sql(value))
    if below and leaf.sign != "~":
        yield f'`=` compares the whole path, `category ~ "{value}"` fits {below:,}'
    elif not below:
        levels = {level for name in names for level in name.split(col.CATEGORY_SEPARATOR)}
        yield from _name(value, sorted(levels if col.CATEGORY_SEPARATOR not in value else names))


def _name(value: str, names: list[str]) -> Iterator[str]:
    """A text that no product has: in another case, or nearly."""
    if value in names:
        return
    same = next((name for name in names if name.casefold() == value.casefold()), None)
    if same is not None:
        yield f'it is written "{same}"'
    elif len(names) <= _MOST_NAMES:
        yield f"there is no '{value}': {did_you_mean(value, names)}"


def _texts(rows: "pl.DataFrame", column: str) -> list[str]:
    return rows[column].drop_nulls().unique().sort().to_list() if column in rows.columns else []
