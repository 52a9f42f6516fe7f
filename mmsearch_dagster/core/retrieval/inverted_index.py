"""BM25 from memory: which products have a word, and what it adds to the score of each.

The same numbers as LanceDB's full-text index gives (Robertson and Zaragoza, 2009, k1 1.2, b 0.75), in double
precision, so that neither the order of the words nor the number of queries changes one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

_K1, _B = 1.2, 0.75
# Of a score, whose parts are kept in single precision.
_DECIMALS = 6


@dataclass(frozen=True)
class InvertedIndex:
    """Of `p` products with a word, in the order of their ids.

    ids: ascending. number_of: word -> its number. starts: int64 [words + 1], the postings of word w are those
    from `starts[w]` to before `starts[w + 1]`. products: int32, position in `ids` of each posting, ascending
    within a word. scores: float32, what the word adds to the product's score.
    """

    ids: Sequence[str]
    number_of: Mapping[str, int]
    starts: NDArray[np.int64]
    products: NDArray[np.int32]
    scores: NDArray[np.float32]

    @classmethod
    def of(cls, documents: Mapping[str, Sequence[str]]) -> "InvertedIndex":
        """documents: product id -> its words as the index has them, repeated as the text repeats them. One
        without a word is as good as not there."""
        ids = sorted(key for key, words in documents.items() if words)
        lengths = np.array([len(documents[key]) for key in ids], dtype=np.int64)
        number_of: dict[str, int] = {}
        words = chain.from_iterable(documents[key] for key in ids)
        numbers = [number_of.setdefault(word, len(number_of)) for word in words]
        owners = np.repeat(np.arange(len(ids)), lengths)
        # Each pair of a word and a product once, with how often it comes.
        pairs, counts = np.unique(np.array(numbers, dtype=np.int64) * len(ids) + owners, return_counts=True)
        word, product = np.divmod(pairs, max(len(ids), 1))
        frequency = np.bincount(word, minlength=len(number_of))
        idf = np.log1p((len(ids) - frequency + 0.5) / (frequency + 0.5))
        norms = _K1 * (1 - _B + _B * lengths * len(ids) / max(int(lengths.sum()), 1))
        scores = idf[word] * counts * (_K1 + 1) / (counts + norms[product])
        starts = np.concatenate(([0], np.cumsum(frequency)))
        return cls(ids, number_of, starts, product.astype(np.int32), scores.astype(np.float32))

    def best(
        self, words: Sequence[str], k: int, passing: NDArray[np.bool_] | None = None
    ) -> list[tuple[str, float]]:
        """The `k` products of highest score among those with any of the words, best first, ties by id.

        Args:
            words: a word that the query repeats counts as often.
            k: how many products at most.
            passing: bool [p], the products that may be among them; None: all.
        """
        totals = np.zeros(len(self.ids))
        for number in (self.number_of.get(word) for word in words):
            if number is not None:
                part = slice(self.starts[number], self.starts[number + 1])
                totals[self.products[part]] += self.scores[part]
        matching = np.flatnonzero(totals > 0 if passing is None else (totals > 0) & passing)
        scores = np.round(totals[matching], _DECIMALS)
        if k < len(scores):
            least = np.partition(scores, len(scores) - k)[len(scores) - k]
            kept = scores >= least
            matching, scores = matching[kept], scores[kept]
        order = np.argsort(-scores, kind="stable")[:k]
        pairs = zip(matching[order].tolist(), scores[order].tolist(), strict=True)
        return [(self.ids[int(row)], float(score)) for row, score in pairs]
