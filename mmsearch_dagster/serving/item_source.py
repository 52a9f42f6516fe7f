"""The words of products for the ranking of candidates while serving: read once each, then kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmsearch_dagster.core.ranking.item_table import ItemTable

# About a gigabyte of words; then memory is given back and filled again by what is asked for.
_MOST_KEPT = 200_000


class KeptItems:
    """Takes products apart when they first are candidates. Safe to share between threads."""

    def __init__(self, rows: Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]) -> None:
        """rows: product ids -> their rows of the contract; unknown ids are left out."""
        self._rows = rows
        self._kept: ItemTable | None = None

    def of(self, product_ids: Sequence[str]) -> "ItemTable":
        """The terms of these products, at least."""
        from mmsearch_dagster.core.ranking.item_table import ItemTable
        from mmsearch_dagster.core.ranking.items import item_terms

        kept = self._kept
        if kept is None or len(kept) > _MOST_KEPT:
            kept = self._kept = ItemTable()
        if missing := kept.missing(product_ids):
            kept.add({product: item_terms(row) for product, row in self._rows(missing).items()})
        return kept
