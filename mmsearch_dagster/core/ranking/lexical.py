"""BM25 by `bm25s` over the ranking stage's own terms: the strongest simple engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmsearch_dagster.core.ranking.items import ItemTerms
from mmsearch_dagster.core.ranking.statistics import K1, B
from mmsearch_dagster.core.text.terms import Terms


@dataclass(frozen=True)
class StemmedBm25:
    """An index in memory. ids: the products in its order."""

    ids: Sequence[str]
    index: Any

    @classmethod
    def of(cls, items: Mapping[str, ItemTerms], *, k1: float = K1, b: float = B) -> "StemmedBm25":
        """Every product by all of its words.

        Args:
            items: product id -> its terms, at least one with a word.
            k1: how soon a repeated word stops to count.
            b: how much a long text is held against a product, 0 to 1.
        """
        import bm25s

        documents = [
            [word for word, count in item.words.items() for _ in range(count[-1])] for item in items.values()
        ]
        index = bm25s.BM25(k1=k1, b=b)
        index.index(documents, show_progress=False)
        return cls(list(items), index)

    def search(self, query: Terms, k: int) -> list[tuple[str, float]]:
        """The `k` best products with a word of the query, best first."""
        words = list(query.words)
        if not words:
            return []
        rows, scores = self.index.retrieve([words], k=min(k, len(self.ids)), show_progress=False)
        ranked: zip[tuple[int, float]] = zip(rows[0].tolist(), scores[0].tolist(), strict=True)
        return [(self.ids[row], float(score)) for row, score in ranked if score > 0.0]
