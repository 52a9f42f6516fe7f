"""The retriever of words that were searched before: what people chose then."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from mmsearch_dagster.adapters.index.table import Hit
from mmsearch_dagster.core.query_memory.memory import QueryMemory
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

    def chosen_batch(self, queries: Sequence[PreparedQuery], where: str | None) -> list[list[Hit]]:
        """Per query the products that people chose after the same words and that pass the filter, with their
        votes, most first; none where nobody searched for them."""
        votes = [self.memory.votes_for(query.text) for query in queries]
        passing = self.table.passing_ids(where) if any(votes) else ()
        return [
            [Hit(product, value) for product, value in of_query if product in passing] for of_query in votes
        ]
