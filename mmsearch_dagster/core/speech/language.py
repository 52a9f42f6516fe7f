"""The language of a shop: which words a shopper may say, and which follow which."""

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.text.preparation import category_words, clean

COLUMNS = (col.PRODUCT_ID, col.TITLE, col.DESCRIPTION, col.CATEGORY, col.BRAND, col.ATTRIBUTES)
# A release keeps its language under this name.
LANGUAGE_FILE = "language.json"
MAX_WORDS = 3_000
MAX_PAIRS = 60_000
# Products read, in the order of their ids: more of them hardly add a word.
MAX_PRODUCTS = 50_000
MAX_SEARCHES = 200_000
# What fewer people searched for may identify one of them: it does not become part of a release.
LEAST_PEOPLE = 2
# What people ask says more about what they will say than what the shop writes.
_SEARCH_WEIGHT = 3
# How people ask, whatever the shop sells.
_ASKING = (
    "looking for", "show me", "find me", "a", "an", "the", "in", "with", "without", "for", "and", "or",
    "of", "made of", "made from", "but", "instead", "same in", "same but", "but in", "this in", "like this",
    "please", "for him", "for her", "for men", "for women", "for kids", "for children", "pair of", "under",
    "cheap", "small", "large", "big", "new", "plain", "solid color", "with pattern", "without pattern",
    "with print", "flower print",
)  # fmt: skip
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
_APOSTROPHES = str.maketrans("\u2019\u2018\u02bc", "'''")
_What = TypeVar("_What", str, tuple[str, str])
_START, _END = "<s>", "</s>"
# Of what follows a word so much is what was seen to follow it, the rest is any word. Frequencies are
# flattened: how often the shop writes a word says little about how often it is said.
_FOLLOWING = 0.9
_FLATTENED = 0.6


def spoken_words(text: str) -> list[str]:
    """The words of a text as they are said: cleaned, lower case, accents gone, letters a-z only.

    >>> spoken_words("Maréa T-shirt, Women’s (38 l)")
    ['marea', 't', 'shirt', "women's", 'l']
    """
    plain = clean(text).translate(_APOSTROPHES).lower()
    letters = "".join(
        letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter)
    )
    return _WORD.findall(letters)


@dataclass(frozen=True)
class Language:
    """words: word -> how often, most frequent first. pairs: (word, next word) -> how often."""

    words: Mapping[str, int]
    pairs: Mapping[tuple[str, str], int]

    @property
    def digest(self) -> str:
        """Sixteen hex digits that name it."""
        return digest_of({"words": list(self.words.items()), "pairs": sorted(self.pairs.items())})

    def to_json(self) -> str:
        """Everything, for `from_json`."""
        pairs = [[*pair, count] for pair, count in self.pairs.items()]
        return json.dumps({"words": self.words, "pairs": pairs}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> "Language":
        """Raises ValueError, KeyError or TypeError for what `to_json` did not write."""
        read = json.loads(text)
        return Language(read["words"], {(word, after): count for word, after, count in read["pairs"]})


def shop_language(products: pl.DataFrame, searches: pl.DataFrame | None = None) -> Language:
    """Counts words and pairs of words of a catalogue and of its searches, in any order of rows.

    Bounded by MAX_WORDS, MAX_PAIRS, MAX_PRODUCTS and MAX_SEARCHES.

    Args:
        products: a products table; of COLUMNS those that it has are read.
        searches: of the log; only words and pairs that at least LEAST_PEOPLE people used are counted.

    Returns:
        The counts, which the speech recogniser takes as its language model.
    """
    present = [name for name in COLUMNS if name in products.columns]
    read = products.select(present).sort(col.PRODUCT_ID).head(MAX_PRODUCTS)
    words, pairs = _counted([*_sentences(read), *map(spoken_words, _ASKING)])
    if searches is not None:
        searched, together = _counted_searches(searches)
        words, pairs = words + searched, pairs + together
    return _bounded(words, pairs)


def _counted_searches(searches: pl.DataFrame) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Words and pairs of the searches, counted by people; those of too few people are left out."""
    person = pl.coalesce(col.USER_ID, col.SESSION_ID).alias(col.USER_ID)
    read = searches.select(person, col.QUERY_TEXT).drop_nulls().unique().sort(pl.all()).head(MAX_SEARCHES)
    words: dict[str, list[str]] = {}
    pairs: dict[tuple[str, str], list[str]] = {}
    for who, text in read.iter_rows():
        spoken = spoken_words(text)
        for word in spoken:
            words.setdefault(word, []).append(who)
        for pair in _pairs(spoken):
            pairs.setdefault(pair, []).append(who)
    return _by_enough(words), _by_enough(pairs)


def _by_enough(askers: Mapping[_What, list[str]]) -> Counter[_What]:
    enough = {what: who for what, who in askers.items() if len(set(who)) >= LEAST_PEOPLE}
    return Counter({what: _SEARCH_WEIGHT * len(who) for what, who in enough.items()})


def _pairs(sentence: list[str]) -> list[tuple[str, str]]:
    return list(zip([_START, *sentence], [*sentence, _END], strict=True)) if sentence else []


def _sentences(products: pl.DataFrame) -> Iterator[list[str]]:
    for row in products.iter_rows(named=True):
        values = [pair["value"] or "" for pair in row.get(col.ATTRIBUTES) or []]
        texts = [row.get(name) for name in (col.TITLE, col.BRAND, col.DESCRIPTION)]
        texts += [*category_words(row.get(col.CATEGORY)), *values]
        yield from (spoken_words(text) for text in texts if text)


def _counted(sentences: Iterable[list[str]]) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for sentence in sentences:
        words.update(sentence)
        pairs.update(_pairs(sentence))
    return words, pairs


def _bounded(words: Counter[str], pairs: Counter[tuple[str, str]]) -> Language:
    phrases = {word for phrase in _ASKING for word in spoken_words(phrase)}
    order = sorted(words.items(), key=lambda item: (item[0] not in phrases, -item[1], item[0]))
    kept = dict(sorted(order[:MAX_WORDS], key=lambda item: (-item[1], item[0])))
    likely = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    kept_words = {*kept, _START, _END}
    both = [(pair, count) for pair, count in likely if pair[0] in kept_words and pair[1] in kept_words]
    return Language(kept, dict(both[:MAX_PAIRS]))


def bigrams(language: Language, speakable: Collection[str]) -> str:
    """The language as an ARPA file of bigrams over the words that can be pronounced.

    P(w | v) = λ n(v, w) / n(v) + (1 - λ) P(w), with P(w) ~ n(w)^0.6 (Jelinek and Mercer 1980; format:
    Doug Paul's ARPA n-grams, logarithms to base 10).
    """
    words = sorted(word for word in language.words if word in set(speakable))
    share = _unigrams(language, words)
    follow: dict[str, dict[str, int]] = {}
    for (word, after), count in sorted(language.pairs.items()):
        if (word == _START or word in share) and after in share:
            follow.setdefault(word, {})[after] = count
    ones, twos = [], []
    for word in (_START, *share):
        after = follow.get(word, {})
        total = sum(after.values())
        back = math.log10(1 - _FOLLOWING) if after else 0.0
        alone = -99.0 if word == _START else math.log10(share[word])
        ones.append(f"{alone:.4f} {word} {back:.4f}")
        for following, count in after.items():
            likely = _FOLLOWING * count / total + (1 - _FOLLOWING) * share[following]
            twos.append(f"{math.log10(likely):.4f} {word} {following}")
    head = f"\\data\\\nngram 1={len(ones)}\nngram 2={len(twos)}\n"
    blocks = (head, "\\1-grams:\n" + "\n".join(ones) + "\n", "\\2-grams:\n" + "\n".join(twos) + "\n")
    return "\n".join((*blocks, "\\end\\\n"))


def _unigrams(language: Language, words: Collection[str]) -> dict[str, float]:
    ends = sum(count for (_, after), count in language.pairs.items() if after == _END)
    weights = {_END: max(1, ends) ** _FLATTENED} | {w: language.words[w] ** _FLATTENED for w in words}
    total = sum(weights.values())
    return {word: weight / total for word, weight in weights.items()}
