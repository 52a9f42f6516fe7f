"""How rare each word is in a catalogue, field by field: what BM25 and weighted overlaps need."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.relevance.items import ALL, FIELDS, ItemTerms

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
    def _rarities(self) -> dict[str, tuple[float, ...]]:
        """Filled as words are asked for: looking into an array word by word is slow."""
        return {}

    def rarity(self, term: str) -> tuple[float, ...]:
        """The idf of a word in each of `COLUMNS`."""
        kept = self._rarities.get(term)
        if kept is None:
            row = self._row.get(term)
            unknown = (self._highest_idf,) * len(COLUMNS)
            kept = unknown if row is None else tuple(self._idf[row].tolist())
            self._rarities[term] = kept
        return kept

    @cached_property
    def _highest_idf(self) -> float:
        return math.log1p((self.documents + 0.5) / 0.5)

    def idf(self, term: str, column: int = -1) -> float:
        """How rare the word is; a word that no product has is the rarest. column: of `COLUMNS`."""
        return self.rarity(term)[column]

    @cached_property
    def _mean_lengths(self) -> list[float]:
        return [max(length, 1e-9) for length in self.mean_lengths.tolist()]

    def bm25(self, query: Sequence[str], item: ItemTerms) -> list[float]:
        """BM25 of one product for the query's words, in each of `COLUMNS`."""
        scores = [0.0] * len(COLUMNS)
        words = [term for term in query if term in item.words]
        if not words:
            return scores
        lengths = zip(item.lengths, self._mean_lengths, strict=True)
        norms = [K1 * (1 - B + B * length / mean) for length, mean in lengths]
        for term in words:
            rarity = self.rarity(term)
            for column, counts in enumerate(item.counts):
                count = counts.get(term)
                if count:
                    scores[column] += rarity[column] * count * (K1 + 1) / (count + norms[column])
        return scores

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


COLUMNS: tuple[str, ...] = (*FIELDS, ALL)


def statistics_of(items: Iterable[ItemTerms]) -> TermStatistics:
    """Count every word of every product once per field."""
    counters: list[Counter[str]] = [Counter() for _ in COLUMNS]
    lengths = np.zeros(len(COLUMNS))
    documents = 0
    for item in items:
        documents += 1
        for column, counts in enumerate(item.counts):
            counters[column].update(counts.keys())
            lengths[column] += item.lengths[column]
    terms = tuple(sorted(counters[-1]))
    table = np.array([[counter[term] for counter in counters] for term in terms], dtype=np.int32)
    return TermStatistics(terms, table.reshape(-1, len(COLUMNS)), lengths / max(documents, 1), documents)


def weights_of(statistics: TermStatistics, terms: Iterable[str]) -> Mapping[str, float]:
    """Word -> idf over all fields."""
    return {term: statistics.idf(term) for term in terms}
