"""Term statistics of a catalogue, field by field: document frequencies for BM25 and weighted overlaps."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.items import COLUMNS, ItemTerms

# Chosen on nothing here: the values that short product texts are usually given (Trotman et al., ADCS 2014).
K1 = 0.9
B = 0.4


@dataclass(frozen=True)
class TermStatistics:
    """Document frequencies of a catalogue.

    terms: [v] words, sorted. frequencies: int32 [v, f], in how many products each word stands in each
    field of `COLUMNS`. mean_lengths: float64 [f], words per product. documents: number of products.
    """

    terms: tuple[str, ...]
    frequencies: NDArray[np.int32]
    mean_lengths: NDArray[np.float64]
    documents: int

    @cached_property
    def _row(self) -> dict[str, int]:
        return {term: row for row, term in enumerate(self.terms)}

    @cached_property
    def _idf(self) -> NDArray[np.float64]:
        """ln(1 + (n - df + 0.5) / (df + 0.5)), Robertson and Zaragoza, 2009, as Lucene computes it."""
        count = self.frequencies.astype(np.float64)
        return np.log1p((self.documents - count + 0.5) / (count + 0.5))

    @cached_property
    def _idf_over_all(self) -> dict[str, float]:
        """Looking into an array word by word is slow."""
        return dict(zip(self.terms, self._idf[:, -1].tolist(), strict=True))

    def idf(self, terms: Sequence[str]) -> NDArray[np.float64]:
        """How rare each of `m` words is over all fields; a word that no product has is the rarest.

        Returns:
            float64 [m].
        """
        idf = map(self._idf_over_all.get, terms, repeat(self._highest_idf))
        return np.fromiter(idf, dtype=np.float64, count=len(terms))

    def _idf_by_column(self, terms: Sequence[str]) -> NDArray[np.float64]:
        """How rare each of `m` words is in each of `COLUMNS`, float64 [m, c]."""
        unknown = np.full(len(COLUMNS), self._highest_idf)
        rows = [self._row.get(term) for term in terms]
        return np.array([unknown if row is None else self._idf[row] for row in rows]).reshape(
            -1, len(COLUMNS)
        )

    @cached_property
    def _highest_idf(self) -> float:
        return math.log1p((self.documents + 0.5) / 0.5)

    def bm25(
        self, words: Sequence[str], counts: NDArray[np.float64], lengths: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """BM25 of `n` products in each of `COLUMNS`.

        Args:
            words: `q` words of a query; one that the query repeats counts as often.
            counts: how often each stands in each column of each product, [n, q, c].
            lengths: words of each product in each column, [n, c].

        Returns:
            float64 [n, c].
        """
        norms = K1 * (1 - B + B * lengths / np.maximum(self.mean_lengths, 1e-9))
        saturated = counts * (K1 + 1) / (counts + norms[:, np.newaxis, :])
        return (saturated * self._idf_by_column(words)).sum(axis=1)

    def to_json(self) -> str:
        """As text, for a release's files."""
        document = {
            "terms": self.terms,
            "frequencies": self.frequencies.tolist(),
            "mean_lengths": self.mean_lengths.tolist(),
            "documents": self.documents,
        }
        return json.dumps(document, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "TermStatistics":
        """Raises ValueError or KeyError for a damaged text."""
        document = json.loads(text)
        return cls(
            terms=tuple(document["terms"]),
            frequencies=np.array(document["frequencies"], dtype=np.int32).reshape(-1, len(COLUMNS)),
            mean_lengths=np.array(document["mean_lengths"], dtype=np.float64),
            documents=int(document["documents"]),
        )


def statistics_of(items: Iterable[ItemTerms]) -> TermStatistics:
    """Count every word of every product once per field."""
    counts: Counter[tuple[str, tuple[int, ...]]] = Counter()
    lengths = np.zeros(len(COLUMNS))
    documents = 0
    for item in items:
        documents += 1
        counts.update(item.words.items())
        lengths += item.lengths
    terms = tuple(sorted({term for term, _ in counts}))
    row_of = {term: row for row, term in enumerate(terms)}
    table = np.zeros((len(terms), len(COLUMNS)), dtype=np.int32)
    for (term, of_term), products in counts.items():
        table[row_of[term]] += np.array([products * (count > 0) for count in of_term], dtype=np.int32)
    return TermStatistics(terms, table, lengths / max(documents, 1), documents)
