"""Bounds in the words of a query that no product fits are left out, in an answer as in an evaluation."""

from typing import Protocol

from mmsearch_dagster.core.retrieval.filters.conditions import category_sql
from mmsearch_dagster.core.understanding.understood import CATEGORY, PRICE, Understood, joined_conditions


class CountedTable(Protocol):
    """A catalogue that counts the products which pass a filter."""

    def passing(self, where: str | None) -> int:
        """How many do."""
        ...


def bounds_that_fit(
    table: CountedTable, understood: Understood, where: str | None = None, *, found: bool | None = None
) -> Understood | None:
    """What is left of a query whose own bounds let no product pass, or none of the category that it names.

    The bounds of the price go first, then all. None where they may stay.

    Args:
        table: the catalogue.
        understood: the query.
        where: the request's own filter, as SQL.
        found: whether the search with all bounds brought something; None: as many as pass them.
    """
    if understood.condition is None:
        return None
    if found is None:
        found = table.passing(joined_conditions([understood.condition, where])) > 0
    if found and _some_pass(table, understood, where):
        return None
    unpriced = understood.without_filters(lambda kind: kind == PRICE)
    if unpriced != understood and _some_pass(table, unpriced, where):
        return unpriced
    return None if found else understood.without_filters(lambda _: True)


def _some_pass(table: CountedTable, understood: Understood, where: str | None) -> bool:
    categories = [category_sql(value) for value in understood.values(CATEGORY)]
    either = " OR ".join(categories) if categories else None
    return table.passing(joined_conditions([understood.condition, where, either])) > 0
