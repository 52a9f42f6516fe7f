"""The words of products for the ranking of candidates while serving: read once each, then kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmsearch_dagster.core.ranking.items import ItemTerms

# About a gigabyte of words; then memory is given back and filled again by what is asked for.
_MOST_KEPT = 200_000


class KeptItems:
    """Takes products apart when they first are candidates. Safe to share between threads."""

    def __init__(self, rows: Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]) -> None:
        """rows: product ids -> their rows of the contract; unknown ids are left out."""
        self._rows = rows
        self._kept: dict[str, ItemTerms] = {}

    def of(self, product_ids: Sequence[str]) -> "Mapping[str, ItemTerms]":
        """The terms of these products, at least."""
        from mmsearch_dagster.core.ranking.items import item_terms

        if len(self._kept) > _MOST_KEPT:
            self._kept = {}
        kept = self._kept
        missing = [product for product in product_ids if product not in kept]
        if missing:
            kept.update((product, item_terms(row)) for product, row in self._rows(missing).items())
        return kept
