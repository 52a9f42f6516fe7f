"""The words of a catalogue, and how many products have each."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, takewhile
from typing import Any

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.text.preparation import fold
from mmsearch_dagster.core.text.terms import split_words, stem
from mmsearch_dagster.core.understanding.languages import languages_of

COLUMNS = (col.TITLE, col.BRAND, col.CATEGORY, col.ATTRIBUTES, col.DESCRIPTION)
# The end of a long description brings words that say little about the product.
_DESCRIPTION_CHARACTERS = 400
_HYPHENATED = re.compile(r"(?<![\w-])[a-z]+(?:-[a-z]+)+(?![\w-])")
_PLAIN = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_LETTERS = re.compile(r"[a-z]+")
# Languages that write a compound as one word, the least letters of a word that is looked for in them, and how
# many are searched besides it.
_COMPOUNDING = frozenset(("de", "nl"))
_LEAST_OF_COMPOUND, _MOST_COMPOUNDS = 4, 8


@dataclass(frozen=True)
class Vocabulary:
    """Words of a catalogue, folded.

    frequency: word -> products that have it; of Chinese, characters and pairs of them. compounds: words
    written as one -> as the catalogue writes them (`tshirt` -> `t-shirt`, `rubberduck` -> `rubber duck`).
    documents: number of products.
    """

    frequency: Mapping[str, int]
    compounds: Mapping[str, str]
    documents: int

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Languages of Europe that the catalogue is written in, besides English."""
        return languages_of(self.frequency, self.documents)

    def has(self, word: str) -> bool:
        """Whether a product has this word in any of its forms."""
        plain = fold(word)
        return plain in self.frequency or stem(plain) in self._stems or plain in self.compounds

    def forms_of(self, word: str) -> tuple[str, ...]:
        """The catalogue's words of the same stem, sorted; the word itself where there is none."""
        plain = fold(word)
        return self._stems.get(stem(plain), (plain,))

    def usual_form(self, word: str) -> str | None:
        """The plural of a word that the catalogue has in the plural only, or the singular; else None."""
        plain = fold(word)
        if plain in self.frequency or len(plain) < 3 or not _LETTERS.fullmatch(plain):
            return None
        forms = [form for form in _inflections(plain) if len(form) > 2 and form in self.frequency]
        return max(forms, key=lambda form: (self.frequency[form], form), default=None)

    def count(self, word: str) -> int:
        """How many products have the word, in its most frequent form."""
        return max((self.frequency.get(form, 0) for form in self.forms_of(word)), default=0)

    @cached_property
    def _stems(self) -> dict[str, tuple[str, ...]]:
        stems: dict[str, list[str]] = {}
        for word in sorted(self.frequency):
            stems.setdefault(stem(word), []).append(word)
        return {key: tuple(words) for key, words in stems.items()}

    def holding(self, word: str) -> tuple[str, ...]:
        """Compounds with a word in a German or Dutch catalogue, most frequent first: those that end with it
        (`apfelsaft` is a `saft`), and where no product has the word also those that begin with it."""
        plain = fold(word)
        if not _COMPOUNDING & set(self.languages) or len(plain) < _LEAST_OF_COMPOUND or not plain.isalpha():
            return ()
        compounds = [word[::-1] for word in _beginning(self._reversed_words, plain[::-1])]
        if not self.has(plain):
            compounds += _beginning(self._sorted_words, plain)
        longer = [word for word in dict.fromkeys(compounds) if len(word) > len(plain) + 2 and word.isalpha()]
        return tuple(sorted(longer, key=lambda word: (-self.frequency[word], word))[:_MOST_COMPOUNDS])

    @cached_property
    def _sorted_words(self) -> list[str]:
        return sorted(self.frequency)

    @cached_property
    def _reversed_words(self) -> list[str]:
        return sorted(word[::-1] for word in self.frequency)

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """What a misspelt word may be corrected to, sorted: words of Latin letters, compounds among them."""
        words = {word for word in self.frequency if len(word) > 2 and _LETTERS.fullmatch(word)}
        hyphenated = {word for word, spelled in self.compounds.items() if "-" in spelled and len(word) > 4}
        return tuple(sorted(words | hyphenated))


def vocabulary_of(products: Iterable[Mapping[str, Any]]) -> Vocabulary:
    """Counts the words of a catalogue.

    Args:
        products: rows of the contract; of COLUMNS those that they have are read.
    """
    frequency: Counter[str] = Counter()
    heads: Counter[str] = Counter()
    documents = 0
    for row in products:
        documents += 1
        head = fold(f"{row.get(col.TITLE) or ''} {row.get(col.CATEGORY) or ''}")
        heads[head] += 1
        frequency.update(set(_words(f"{head} {fold(_tail(row))}")))
    return Vocabulary(dict(frequency), _compounds(heads, frequency), documents)


def _beginning(words: Sequence[str], start: str) -> list[str]:
    """Those of sorted words that begin so."""
    following = (words[position] for position in range(bisect_left(words, start), len(words)))
    return list(takewhile(lambda word: word.startswith(start), following))


def _words(text: str) -> list[str]:
    """Words of a folded text. Most texts hold no Chinese, and are split without looking for it."""
    return _PLAIN.findall(text) if text.isascii() else split_words(text)


def _compounds(heads: Iterable[str], frequency: Mapping[str, int]) -> dict[str, str]:
    """Hyphenated words, and neighbours of three letters and more, of titles and categories; no numbers."""
    hyphenated: dict[str, str] = {}
    pairs: dict[str, str] = {}
    for head in heads:
        for word in _HYPHENATED.findall(head):
            hyphenated.setdefault(word.replace("-", ""), word)
        for first, second in pairwise(_LETTERS.findall(head)):
            if len(first) > 2 and len(second) > 2:
                pairs.setdefault(first + second, f"{first} {second}")
    return {word: spelled for word, spelled in {**pairs, **hyphenated}.items() if word not in frequency}


def _inflections(word: str) -> list[str]:
    """A word with and without the endings of the English plural.

    >>> _inflections("watche")
    ['watches', 'watchees', 'watch']
    """
    more = [f"{word}s", f"{word}es"]
    if word.endswith("y"):
        more.append(f"{word[:-1]}ies")
    if word.endswith("ies"):
        more.append(f"{word[:-3]}y")
    return more + [word[: -len(ending)] for ending in ("es", "s", "e") if word.endswith(ending)]


def _tail(row: Mapping[str, Any]) -> str:
    attributes = (str(pair["value"]) for pair in row.get(col.ATTRIBUTES) or () if pair.get("value"))
    description = (row.get(col.DESCRIPTION) or "")[:_DESCRIPTION_CHARACTERS]
    return " ".join((row.get(col.BRAND) or "", *attributes, description))
