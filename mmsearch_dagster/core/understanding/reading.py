"""Reads a query in the terms of one catalogue."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.retrieval.filters.conditions import category_sql, quoted
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.core.text.preparation import STOP_WORDS, fold
from mmsearch_dagster.core.text.terms import ENGLISH_STOP_WORDS, split_words
from mmsearch_dagster.core.understanding.bounds import cheapness, price_bounds, says_money
from mmsearch_dagster.core.understanding.identifiers import Identifiers, identifiers_of, normalised
from mmsearch_dagster.core.understanding.languages import IN_STOCK, LANGUAGES
from mmsearch_dagster.core.understanding.negation import negations
from mmsearch_dagster.core.understanding.spans import Reading, without
from mmsearch_dagster.core.understanding.spelling import correction_of
from mmsearch_dagster.core.understanding.synonyms import SynonymRules, Synonyms
from mmsearch_dagster.core.understanding.understood import (
    CATEGORY,
    EXPAND,
    FILTER,
    FIRST,
    IDENTIFIER,
    KINDS,
    LIKE,
    MESSAGE,
    PREFER,
    REWRITE,
    SPELLING,
    STOCK,
    SYNONYM,
    UNMATCHED,
    QueryPart,
    Understood,
)
from mmsearch_dagster.core.understanding.values import CatalogueValues, values_of
from mmsearch_dagster.core.understanding.vocabulary import COLUMNS as TEXT_COLUMNS
from mmsearch_dagster.core.understanding.vocabulary import Vocabulary, vocabulary_of

# What `QueryReader.of` reads of each product.
COLUMNS = (col.PRODUCT_ID, *TEXT_COLUMNS, col.PRICE, col.CURRENCY, col.IN_STOCK)
# How people ask, whatever the shop sells; products are not found by these words.
ASKING_WORDS = ENGLISH_STOP_WORDS | frozenset((
    "i", "im", "i'm", "me", "my", "we", "us", "you", "your", "looking", "look", "show", "find", "search",
    "searching", "want", "need", "buy", "get", "give", "please", "some", "any", "something", "like", "same",
    "without", "instead", "have", "has", "do", "does", "can", "could", "would", "what", "which", "who",
    "where", "how", "more", "less", "under", "over", "below", "above", "between", "than", "up", "out",
    "about", "around", "made", "good", "best", "nice", "new", "cheap", "cheaper", "pair", "thing", "things",
    "stuff", "other", "also", "all", "one", "so", "too", "very", "just", "only", "when", "while", "she",
    "he", "her", "him", "our", "its", "am", "been", "were",
))  # fmt: skip
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_JOINED = re.compile(r"[\w'’]+(?:[-/.&+@][\w'’]+)+")
_CODE = re.compile(r"(?=\w*\d)(?=\w*[^\W\d])\w{5,}")
# `50ml` or `omega3`; where one of both is a digit alone on each side, it is a code.
_NUMBER_AND_WORD = re.compile(r"^(\d+(?=[^\W\d_])|[^\W\d_]+(?=\d))((?<=\d)[^\W\d_]+|(?<=[^\W\d_])\d+)$")
_UMLAUTS = re.compile(r"([aou])e")
_HAN = re.compile("[\u3400-\u9fff]")
# From so many words on, mostly with capital letters, a query is the title of a product and not a request.
_TITLE_WORDS = 5
_MOST_WORDS = 20
_LEAST_OF_ROOT = 5
_TEXTS_KEPT = 64
_STOCK = re.compile(
    r"\b(?:only\s+)?(?:in[\s-]stock|available(?:\s+now)?)(?:\s+only)?\b|有货的?|现货的?", re.IGNORECASE
)
_LIKE = re.compile(
    r"^(?:something\s+|one\s+|similar\s+)?(?:like|similar\s+to|same\s+as|(?:ähnlich\s+|so\s+)?wie|comme|"
    r"similaire\s+à|como|come|zoals)\s+(?P<id>\S+)\s*(?P<rest>.*)$|"
    r"^(?:像|类似)\s*(?P<id_zh>[\w-]+)\s*(?P<rest_zh>.*)$",
    re.IGNORECASE,
)
_CHEAPER = re.compile(
    r"^\s*(?:,|but|and|only|aber|nur|mais|pero|ma|maar|mas)?\s*(?:cheaper|less expensive|billiger|günstiger|"
    r"moins cher|m[aá]s barato|mais barato|meno caro|goedkoper|但?更?便宜一?点?的?)\s*",
    re.IGNORECASE,
)
# A share of products with a price from which on a bound of the price is a filter.
_LEAST_PRICED = 0.5


@dataclass(frozen=True)
class ExampleProduct:
    """What a query that names a product as its example takes from it. category: the last part of its path."""

    title: str
    price: float | None
    category: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "ExampleProduct":
        category = (row.get(col.CATEGORY) or "").rpartition(">")[2].strip()
        return cls(row.get(col.TITLE) or "", row.get(col.PRICE), category)


@dataclass(frozen=True)
class QueryReader:
    """What a catalogue knows about words; made once when a release is opened.

    currency: of the catalogue, None where it has several or none. priced, stocked: whether its products have
    prices and say whether they are in stock. products: by id. is_english: whether a
    word exists.
    """

    vocabulary: Vocabulary
    values: CatalogueValues
    identifiers: Identifiers
    synonyms: Synonyms = field(default_factory=lambda: Synonyms.of(SynonymRules()))
    spellings: Synonyms = field(default_factory=Synonyms.spelled_otherwise)
    products: Mapping[str, ExampleProduct] = field(default_factory=dict[str, ExampleProduct])
    currency: str | None = None
    priced: bool = False
    stocked: bool = False
    is_english: Callable[[str], bool] = lambda _: False

    @classmethod
    def of(
        cls,
        products: Sequence[Mapping[str, Any]],
        synonyms: SynonymRules = SynonymRules(),
        is_english: Callable[[str], bool] = lambda _: False,
    ) -> "QueryReader":
        """The reader of a catalogue.

        Args:
            products: rows of the contract; of COLUMNS those that they have are read.
            synonyms: of the shop.
            is_english: whether a word exists; a real word is never replaced, another one is offered.
        """
        currencies = {row[col.CURRENCY] for row in products if row.get(col.CURRENCY)}
        priced = sum(row.get(col.PRICE) is not None for row in products)
        return cls(
            vocabulary_of(products),
            values_of(products),
            identifiers_of(products),
            Synonyms.of(synonyms),
            products={row[col.PRODUCT_ID]: ExampleProduct.of(row) for row in products},
            currency=currencies.pop() if len(currencies) == 1 else None,
            priced=priced > _LEAST_PRICED * len(products),
            stocked=any(row.get(col.IN_STOCK) is not None for row in products),
            is_english=is_english,
        )

    def read(self, text: str, *, as_typed: bool = False, ignore: Collection[str] = ()) -> Understood:
        """What a query says.

        Args:
            text: cleaned.
            as_typed: nothing is rewritten, filtered or put first.
            ignore: kinds of parts, or names of parts, that are not to be read.

        Raises:
            QueryError: `ignore` names no kind of part.
        """
        _check_ignored(ignore)
        if as_typed:
            return self._closed(Understood(text, text))
        named = self._named(text, ignore)
        if named is not None:
            return named
        if self._is_title(text):
            return self._closed(Understood(text, text, parts=self._values(text, ignore)))
        readings = self._filters(text, ignore)
        rest = without(text, readings)
        query = Understood(text, rest or text, parts=tuple(reading.part for reading in _in_order(readings)))
        if rest:
            # Compounds come before the spelling of their parts; corrected words have synonyms too.
            corrected = self._corrected(self._expanded(query, ignore), ignore)
            query = corrected if corrected.text == query.text else self._expanded(corrected, ignore)
            query = replace(query, parts=query.parts + self._values(query.text, ignore))
        # Where nothing is left, its words were read, and no product has to have them.
        return self._closed(query) if rest else query

    def _named(self, text: str, ignore: Collection[str]) -> Understood | None:
        """A query that names a product: by itself, or as an example."""
        example = self._example(text, ignore)
        if example is not None:
            return example
        named = self.identifiers.named_by(text)
        if named is None or _ignored(QueryPart(IDENTIFIER, named[0], "", FIRST), ignore):
            return None
        number, products = named
        part = QueryPart(IDENTIFIER, number, ", ".join(products[:3]), FIRST)
        return Understood(text, text, parts=(part,), product_ids=products)

    def _example(self, text: str, ignore: Collection[str]) -> Understood | None:
        """`like SKU-10054 but cheaper`: its title is searched, itself left out. Its category is preferred,
        and a bound of cheaper ones, for something else is cheaper nearly always."""
        match = _LIKE.match(text)
        if match is None:
            return None
        products = self.identifiers.products.get(normalised(match["id"] or match["id_zh"]), ())
        if len(products) != 1:
            return None
        example = self.products.get(products[0], ExampleProduct("", None, ""))
        rest = match["rest"] or match["rest_zh"] or ""
        conditions, value = [f"{col.PRODUCT_ID} <> {quoted(products[0])}"], f"like {products[0]}"
        cheaper = _CHEAPER.match(rest) is not None and example.price is not None
        if cheaper:
            conditions.append(f"{col.PRICE} < {example.price!r}")
            value += f", under {example.price:g} {self.currency or ''}".rstrip()
        part = QueryPart(LIKE, text, value, FILTER, " AND ".join(conditions))
        rest = _CHEAPER.sub("", rest)
        words = f"{example.title} {rest}".strip() or text  # a product may have no title
        bound = (FILTER, category_sql(example.category)) if cheaper else (PREFER, None)
        kind = QueryPart(CATEGORY, example.category, example.category, *bound)
        parts = (part, kind) if example.category and not _ignored(kind, ignore) else (part,)
        return None if _ignored(part, ignore) else Understood(text, words, parts=parts)

    def _filters(self, text: str, ignore: Collection[str]) -> list[Reading]:
        languages = self.vocabulary.languages
        readings = price_bounds(text, self.currency, languages) if self.priced else []
        if self.stocked:
            part = "in stock", FILTER, f"coalesce({col.IN_STOCK}, true)"
            readings += [
                Reading(match.start(), match.end(), QueryPart(STOCK, match.group(), *part))
                for match in (*_STOCK.finditer(text), *IN_STOCK.finditer(text))
            ]
        readings += negations(text, self.vocabulary, self.values)
        if self.priced:
            readings += [reading for reading in cheapness(text) if not self.vocabulary.has(reading.part.text)]
        return _apart([reading for reading in readings if not _ignored(reading.part, ignore)])

    def _corrected(self, query: Understood, ignore: Collection[str]) -> Understood:
        """Misspelt words replaced where the correction is sure, offered where it is not; beside a real word
        its root is searched: `australia` beside `australian`."""
        text = offered = query.text
        parts: list[QueryPart] = []
        roots: list[str] = []
        for word in self._doubtful_words(text):
            correction = correction_of(word, self.vocabulary, self.is_english)
            if correction is None:
                continue
            part = QueryPart(SPELLING, word, correction.value, REWRITE)
            whole = re.compile(rf"(?<![\w'’-]){re.escape(word)}(?![\w'’-])")
            if correction.sure and not _ignored(part, ignore):
                text = whole.sub(correction.value, text)
                parts.append(part)
            elif not correction.sure and _is_root(correction.value, word):
                root = replace(part, kind=SYNONYM, effect=EXPAND)
                if not _ignored(root, ignore):
                    parts.append(root)
                    roots.append(correction.value)
            elif not correction.sure:
                offered = whole.sub(correction.value, offered)
        suggestion = offered if offered != query.text else None
        expansions = tuple(dict.fromkeys((*query.expansions, *roots)))
        parts = [*query.parts, *parts]
        return replace(query, text=text, parts=tuple(parts), expansions=expansions, suggestion=suggestion)

    def _doubtful_words(self, text: str) -> list[str]:
        """Words that may be misspelt: no part of a code or a compound, no word of asking, no synonym."""
        joined = [match.span() for match in _JOINED.finditer(text)]
        return list(
            dict.fromkeys(
                match.group()
                for match in list(_WORD.finditer(text))[:_MOST_WORDS]
                if not any(start <= match.start() < end for start, end in joined)
                and fold(match.group()) not in self._asking_words
                and not self.vocabulary.holding(match.group())
                and not [*self.synonyms.in_text(match.group()), *self.spellings.in_text(match.group())]
            )
        )

    def _expanded(self, query: Understood, ignore: Collection[str]) -> Understood:
        """Further words: reviewed synonyms, and other ways to write a word. A phrase that no product has is
        replaced."""
        parts, expansions, text = list(query.parts), list(query.expansions), query.text
        reviewed = dict(self.synonyms.in_text(text))
        phrases = dict(self._other_spellings(text)) | reviewed
        for phrase, others in phrases.items():
            replaced = not self._attested(phrase)
            # Parts of a compound that is written otherwise find other things: `t-shirt` finds shirts.
            usable = [
                other
                for other in others
                if self._attested(other) and (replaced or phrase in reviewed or other.isalpha())
            ]
            part = QueryPart(SYNONYM, phrase, ", ".join(usable), REWRITE if replaced else EXPAND)
            if not usable or _ignored(part, ignore):
                continue
            if replaced:
                part, text = replace(part, value=usable[0]), text.replace(phrase, usable[0])
                usable = usable[1:] if phrase in reviewed else []
            expansions += usable
            parts.append(part)
        for part in self._compound_parts(text, ignore):
            parts.append(part)
            expansions += part.value.split(", ")
        kept, further = tuple(dict.fromkeys(parts)), tuple(dict.fromkeys(expansions))
        return replace(query, text=text, parts=kept, expansions=further)

    def _compound_parts(self, text: str, ignore: Collection[str]) -> list[QueryPart]:
        """What the words of a text are parts of: `saft` of `apfelsaft`."""
        held = {word: self.vocabulary.holding(word) for word in self._content_words(text)}
        parts = [
            QueryPart(SYNONYM, word, ", ".join(others), EXPAND) for word, others in held.items() if others
        ]
        return [part for part in parts if not _ignored(part, ignore)]

    @cached_property
    def _other_spellings(self) -> Callable[[str], list[tuple[str, tuple[str, ...]]]]:
        """Phrases of a text and how they are written otherwise; a query is looked at more than once."""
        return lru_cache(_TEXTS_KEPT)(lambda text: [*self._compounds(text), *self.spellings.in_text(text)])

    def _compounds(self, text: str) -> list[tuple[str, tuple[str, ...]]]:
        """`rubberduck` where the catalogue has `rubber duck`, `back pack` where it has `backpack`."""
        words = [match.group() for match in _WORD.finditer(text)]
        compounds = self.vocabulary.compounds
        apart = [(word, (compounds[fold(word)],)) for word in words if fold(word) in compounds]
        together = [
            (f"{first} {second}", (joined,))
            for first, second in pairwise(words)
            if (joined := fold(first + second)).isalpha()
            and min(len(first), len(second)) > 2
            and not {fold(first), fold(second)} & self._asking_words
            and self._is_usual(joined, (first, second))
        ]
        return [*apart, *together, *self._units(words)]

    def _units(self, words: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
        """`50ml` where the catalogue has `50 ml`, `ip 65` where it has `ip65`, and `huebner` where it has
        `hübner`."""
        otherwise = [(word, _NUMBER_AND_WORD.sub(r"\1 \2", word)) for word in words]
        otherwise += [(word, _UMLAUTS.sub(r"\1", fold(word))) for word in words]
        single = [
            (word, (other,))
            for word, other in otherwise
            if other not in (word, fold(word)) and not self.vocabulary.has(word) and self._attested(other)
        ]
        pairs = [(f"{first} {second}", fold(first + second)) for first, second in pairwise(words)]
        together = [
            (pair, (joined,))
            for pair, joined in pairs
            if _NUMBER_AND_WORD.match(joined)
            and joined in self.vocabulary.frequency
            and not self._attested(pair)
        ]
        return [*single, *together]

    def _is_usual(self, joined: str, parts: tuple[str, str]) -> bool:
        """Whether two words are meant as one: products have it, more often than its parts or as a value."""
        # Rarer than its parts, it would outweigh them: `trackpant` where nearly all write `track pant`.
        count = self.vocabulary.frequency.get(joined, 0)
        return count > min(map(self.vocabulary.count, parts)) or (count > 0 and self._names_value(joined))

    def _values(self, text: str, ignore: Collection[str]) -> tuple[QueryPart, ...]:
        parts = dict.fromkeys(reading.part for reading in self.values.read(self._as_named(text)))
        return tuple(part for part in parts if not _ignored(part, ignore))

    def _as_named(self, text: str) -> str:
        """`tee shirt` as `t-shirt` where a category or another value is called that: it is no shirt."""
        for phrase, others in self._other_spellings(text):
            forms = (form for form in (phrase, *others) if self._names_value(form))
            text = text.replace(phrase, next(forms, phrase))
        return text

    def _names_value(self, phrase: str) -> bool:
        """Whether the whole phrase, and not a part of it, is a value of the catalogue."""
        return any(reading.part.text == phrase for reading in self.values.read(phrase))

    def _is_title(self, text: str) -> bool:
        """Whether a query is a product's title, whose words mean what they are: a code among five words or
        more, or as many of which most begin with a capital letter, which nouns do in German. A bound with a
        currency stands in no title."""
        words = text.split()
        if len(words) < _TITLE_WORDS or text.isupper() or (self.priced and says_money(text)):
            return False
        capitals = sum(word[0].isupper() or word[0].isdigit() for word in words)
        most = 2 * capitals > len(words) and "de" not in self.vocabulary.languages
        return most or any(_CODE.fullmatch(word) for word in words)

    @cached_property
    def _asking_words(self) -> frozenset[str]:
        """How people ask, in English and in the languages of the catalogue."""
        return ASKING_WORDS.union(*(LANGUAGES[name].function_words for name in self.vocabulary.languages))

    def _attested(self, phrase: str) -> bool:
        words = self._content_words(phrase)
        return bool(words) and all(self.vocabulary.count(word) for word in words)

    def _closed(self, query: Understood) -> Understood:
        """Says which words no product has, and whether any product has one."""
        words = self._content_words(query.text)
        expanded = {
            word for part in query.parts if part.effect == EXPAND for word in split_words(fold(part.text))
        }
        missing = [word for word in words if not (word in expanded or self.vocabulary.has(word))]
        strong = [word for word in words if word not in missing and (len(word) > 2 or _HAN.search(word))]
        corrected = {word for value in query.values(SPELLING) for word in self._content_words(value)}
        # Among words that nobody knows, a correction is as likely a chance.
        attested = any(word not in corrected for word in strong) or len(strong) >= len(missing)
        attested = attested and _WORD.search(query.text) is not None and bool(words or query.parts)
        latin = [word for word in missing if not _HAN.search(word)]
        parts = [QueryPart(UNMATCHED, word, "no product has this word", MESSAGE) for word in latin]
        return replace(query, attested=attested, parts=(*query.parts, *parts))

    def _content_words(self, text: str) -> list[str]:
        """Folded words that a product can be found by; of Chinese, pairs of characters."""
        words = [
            word
            for word in split_words(fold(text))
            if word not in self._asking_words and word not in STOP_WORDS["zh"]
        ]
        pairs = [word for word in words if not _HAN.search(word) or len(word) > 1]
        return list(dict.fromkeys(pairs or words))


def _is_root(value: str, word: str) -> bool:
    """Whether a word is made of another one by its ending: `australian` of `australia`."""
    return len(value) >= _LEAST_OF_ROOT and fold(word).startswith(value)


def _apart(readings: Iterable[Reading]) -> list[Reading]:
    """Those that do not overlap an earlier one."""
    kept: list[Reading] = []
    for reading in readings:
        if all(reading.end <= other.start or other.end <= reading.start for other in kept):
            kept.append(reading)
    return kept


def _in_order(readings: Iterable[Reading]) -> list[Reading]:
    return sorted(readings, key=lambda reading: reading.start)


def _ignored(part: QueryPart, ignore: Collection[str]) -> bool:
    return part.kind in ignore or part.name in ignore


def _check_ignored(ignore: Collection[str]) -> None:
    for name in ignore:
        kind = name.partition(":")[0]
        if kind not in KINDS:
            raise QueryError(f"there is no part of a query called '{kind}': {did_you_mean(kind, KINDS)}")
