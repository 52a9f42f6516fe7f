"""The retriever of words that were searched before: what people chose then."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from mmsearch_dagster.adapters.index.table import Hit
from mmsearch_dagster.core.memories.query_memory import QueryMemory
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery


class FilterableTable(Protocol):
    """A catalogue that knows what passes a filter."""

    def passing_ids(self, where: str | None) -> Collection[str]:
        """The products that pass a filter; without one, all."""
        ...


@dataclass(frozen=True)
class QueryRetriever:
    """Ranks the products of a table by the query memory."""

    memory: QueryMemory
    table: FilterableTable

    def chosen(self, query: PreparedQuery, where: str | None) -> list[Hit]:
        """The products that people chose after the same words and that pass the filter, with their votes,
        most first; none where nobody searched for them."""
        votes = self.memory.votes_for(query.text)
        passing = self.table.passing_ids(where) if votes else ()
        return [Hit(product, value) for product, value in votes if product in passing]
