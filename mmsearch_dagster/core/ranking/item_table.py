"""The products of a catalogue as columns of numbers, so that all candidates are compared at once.

Letters: `n` rows of the table, `e` entries of these rows (a word of a product is one), `c` text columns.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranges import joined_ranges
from mmsearch_dagster.core.ranking.items import COLUMNS, ItemTerms

if TYPE_CHECKING:
    from mmsearch_dagster.core.ranking.statistics import TermStatistics

# A word that stands more often in a product counts as often as this: two bytes hold it.
_MOST_COUNTED = 65_535
_SECOND = 32
# The first word of a title without words: no number of a word, and not that of an unknown one.
_NO_WORD = -2


class TextNumbers:
    """Numbers for texts: the first one seen is 0."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self.texts: list[str] = []

    def __len__(self) -> int:
        return len(self.texts)

    def add(self, text: str) -> int:
        """The number of a text, a new one where it has none."""
        number = self._number.get(text)
        if number is None:
            number = len(self.texts)
            self.texts.append(text)
            self._number[text] = number
        return number

    def numbers(self, texts: Iterable[str]) -> list[int]:
        """The number of each text; -1 for one that was never added."""
        return [self._number.get(text, -1) for text in texts]


class GrowingArray:
    """An array that grows at its end; what stands in it does not change."""

    def __init__(self, dtype: type[np.generic], width: int | None = None) -> None:
        self._length = 0
        self.values: NDArray[Any] = np.empty((0,) if width is None else (0, width), dtype=dtype)

    def __len__(self) -> int:
        return self._length

    def extend(self, values: NDArray[Any]) -> None:
        """values: rows to put at the end."""
        length = self._length + len(values)
        if length > len(self.values):
            grown = np.empty((max(length, 2 * len(self.values)), *self.values.shape[1:]), self.values.dtype)
            grown[: self._length] = self.values[: self._length]
            self.values = grown
        self.values[self._length : length] = values
        self._length = length


@dataclass(frozen=True)
class Entries:
    """Entries of some rows of a table, row after row.

    owner: which of the `n` rows each is of, int64 [e]. values: what each is, [e]. at: where it stands among
    all entries, int64 [e].
    """

    owner: NDArray[np.int64]
    values: NDArray[Any]
    at: NDArray[np.int64]


class EntryLists:
    """A list of whole numbers for each row of a table, end to end."""

    def __init__(self, dtype: type[np.generic] = np.int32) -> None:
        self._ends, self._values = GrowingArray(np.int64), GrowingArray(dtype)
        self._ends.extend(np.zeros(1, dtype=np.int64))

    def extend(self, lists: Sequence[Sequence[int]]) -> None:
        """A list for each new row."""
        self._values.extend(
            np.fromiter((each for values in lists for each in values), self._values.values.dtype)
        )
        first = self._ends.values[len(self._ends) - 1]
        self._ends.extend(first + np.cumsum([len(values) for values in lists], dtype=np.int64))

    def of(self, rows: NDArray[np.int64]) -> Entries:
        """The entries of `n` rows."""
        first = self._ends.values[rows]
        counts = self._ends.values[rows + 1] - first
        owner = np.repeat(np.arange(len(rows)), counts)
        at, _ = joined_ranges(first, counts)
        return Entries(owner, self._values.values[at], at)


class ItemTable(Mapping[str, ItemTerms]):
    """Product id -> its terms, with the same terms as columns of numbers.

    Products are only ever added. Safe to share between threads: a product can be read once it is in.
    """

    def __init__(self) -> None:
        self._adding = threading.Lock()
        self._row: dict[str, int] = {}
        self._items: list[ItemTerms] = []
        self.vocabulary, self.trigrams = TextNumbers(), TextNumbers()
        self.words, self.joined, self.title_words = EntryLists(), EntryLists(), EntryLists()
        self.title_bigrams, self.title_trigrams = EntryLists(np.int64), EntryLists()
        self.word_counts = GrowingArray(np.uint16, len(COLUMNS))
        self.lengths = GrowingArray(np.float64, len(COLUMNS))
        self.prices, self.first_words = GrowingArray(np.float64), GrowingArray(np.int32)
        self._idf: tuple[object, NDArray[np.float64]] = (None, np.empty(0))

    @classmethod
    def of(cls, items: Mapping[str, ItemTerms]) -> "ItemTable":
        """These products."""
        table = cls()
        table.add(items)
        return table

    def __getitem__(self, product: str) -> ItemTerms:
        return self._items[self._row[product]]

    def __contains__(self, product: object) -> bool:
        return product in self._row

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)

    def missing(self, products: Iterable[str]) -> list[str]:
        """Those of these products that were not added."""
        return [product for product in products if product not in self._row]

    def rows(self, products: Sequence[str]) -> NDArray[np.int64]:
        """Where these products stand, int64 [n]. Raises KeyError for one that was not added."""
        return np.fromiter(map(self._row.__getitem__, products), dtype=np.int64, count=len(products))

    def add(self, items: Mapping[str, ItemTerms]) -> None:
        """Products at the end; those that are here already stay as they are."""
        with self._adding:
            new = {product: item for product, item in items.items() if product not in self._row}
            if not new:
                return
            self._add_columns(list(new.values()))
            first = len(self._items)
            self._items.extend(new.values())
            self._row.update((product, first + at) for at, product in enumerate(new))

    def _add_columns(self, items: Sequence[ItemTerms]) -> None:
        number, trigram = self.vocabulary.add, self.trigrams.add
        titles = [[number(word) for word in item.title.words] for item in items]
        self.words.extend([[number(word) for word in item.words] for item in items])
        self.joined.extend([[number(word) for word in item.joined] for item in items])
        self.title_words.extend([list(dict.fromkeys(title)) for title in titles])
        self.title_bigrams.extend([[bigram(*pair) for pair in pairwise(title)] for title in titles])
        self.title_trigrams.extend([[trigram(part) for part in item.title.trigrams] for item in items])
        counts = [count for item in items for count in item.words.values()]
        self.word_counts.extend(
            np.minimum(np.array(counts, dtype=np.int64).reshape(-1, len(COLUMNS)), _MOST_COUNTED)
        )
        self.lengths.extend(np.array([item.lengths for item in items], dtype=np.float64))
        self.prices.extend(
            np.array([np.nan if item.price is None else item.price for item in items], dtype=np.float64)
        )
        self.first_words.extend(np.array([title[0] if title else _NO_WORD for title in titles]))

    def idf(self, statistics: "TermStatistics") -> NDArray[np.float64]:
        """How rare each word of the vocabulary is, float64 [at least those of the products that were added].

        Args:
            statistics: of the catalogue; what was computed with the last ones is kept.
        """
        of, values = self._idf
        if of is not statistics:
            values = np.empty(0)
        if len(values) < len(self.vocabulary):
            values = np.concatenate((values, statistics.idf(self.vocabulary.texts[len(values) :])))
            self._idf = (statistics, values)
        return values

    def counts_of(self, rows: NDArray[np.int64], words: Sequence[str]) -> NDArray[np.float64]:
        """How often each of `q` different words stands in each column of `n` rows, float64 [n, q, c]."""
        entries = self.words.of(rows)
        position = lookup(self.vocabulary, words, dtype=np.int32)[entries.values]
        matched = np.flatnonzero(position)
        counts = np.zeros((len(rows), len(words), len(COLUMNS)))
        counts[entries.owner[matched], position[matched] - 1] = self.word_counts.values[entries.at[matched]]
        return counts


def bigram(first: int, second: int) -> int:
    """One number for two words in this order."""
    return (first << _SECOND) | second


def lookup(
    vocabulary: TextNumbers, texts: Sequence[str], *, dtype: type[np.generic] = np.bool_
) -> NDArray[Any]:
    """Number of a text -> its place among these texts, from 1 on (or whether it is one of them); else 0.

    Args:
        vocabulary: gives the numbers.
        texts: different ones; one that it does not know is left out.
        dtype: of the places.
    """
    places = np.zeros(len(vocabulary), dtype=dtype)
    for place, number in enumerate(vocabulary.numbers(texts), start=1):
        if number >= 0:
            places[number] = place
    return places
