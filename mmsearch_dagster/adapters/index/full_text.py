"""Full-text search of one index version from memory, with the words that LanceDB's own tokenizer makes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.retrieval.inverted_index import InvertedIndex

# A call of the tokenizer costs as much as thirty texts; so texts go together, with this word between them.
_BETWEEN = "qxzdocumentboundaryzxq"
_TOGETHER = 200
_MOST_KEPT = 100_000
Tokenize = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class WordIndex:
    """Finds products by words. Safe to share between threads.

    tokenize: what the full-text index makes of a text.
    """

    index: InvertedIndex
    tokenize: Tokenize
    _words_of: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @classmethod
    def of(cls, texts: Mapping[str, str], tokenize: Tokenize) -> "WordIndex":
        """texts: product id -> its text."""
        documents: dict[str, Sequence[str]] = {}
        ids = list(texts)
        for start in range(0, len(ids), _TOGETHER):
            part = ids[start : start + _TOGETHER]
            documents |= zip(part, _tokenized([texts[key] for key in part], tokenize), strict=True)
        return cls(InvertedIndex.of(documents), tokenize)

    def best(self, text: str, k: int, passing: NDArray[np.bool_] | None = None) -> list[tuple[str, float]]:
        """The `k` best products by BM25.

        Args:
            text: words with blanks between them.
            k: how many at most.
            passing: of `passing_rows`.
        """
        words = [part for word in self._tokens(text.split()) for part in word]
        return self.index.best(words, k, passing)

    def _tokens(self, typed: Sequence[str]) -> list[tuple[str, ...]]:
        """What the tokenizer makes of each word; asked once for each."""
        if len(self._words_of) > _MOST_KEPT:
            self._words_of.clear()
        tokens: dict[str, tuple[str, ...]] = {}
        for word in dict.fromkeys(typed):
            existing = self._words_of.get(word)
            tokens[word] = existing if existing is not None else tuple(self.tokenize(word))
        self._words_of.update(tokens)
        return [tokens[word] for word in typed]

    def passing_rows(self, product_ids: frozenset[str]) -> NDArray[np.bool_]:
        """Which products of the index these are, bool [p]."""
        return np.fromiter(
            map(product_ids.__contains__, self.index.ids), dtype=bool, count=len(self.index.ids)
        )


def _tokenized(texts: Sequence[str], tokenize: Tokenize) -> list[Sequence[str]]:
    """The words of each text."""
    boundary = tokenize(_BETWEEN)
    words = tokenize(f"\n{_BETWEEN}\n".join(texts))
    cuts = [at for at, word in enumerate(words) if [word] == list(boundary)]
    if len(cuts) != len(texts) - 1:  # a text has that very word
        return [tokenize(text) for text in texts]
    edges = [-1, *cuts, len(words)]
    return [words[first + 1 : last] for first, last in pairwise(edges)]
