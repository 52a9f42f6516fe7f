"""The reviewed table of relevance features: one float32 row per (query, candidate).

The same code computes it in training, evaluation and serving. What cannot be known is NaN (a retriever that
was not asked, a price that is missing), never a zero that looks like data.
Letters: `n` candidates of one query, `q` different words of it, `c` text columns, `f` features.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modality_names import IMAGE
from mmsearch_dagster.core.ranking.item_table import EntryLists, ItemTable, bigram, lookup
from mmsearch_dagster.core.ranking.items import ALL, COLUMNS, TITLE, ItemTerms
from mmsearch_dagster.core.ranking.photo_with_words import category_shares
from mmsearch_dagster.core.ranking.preferences import KINDS, Values, agreement, preferred_values
from mmsearch_dagster.core.ranking.statistics import TermStatistics
from mmsearch_dagster.core.retrieval.score_fusion import ScoredList, fusion_shares, scaled_scores
from mmsearch_dagster.core.text.terms import Terms, read_terms
from mmsearch_dagster.core.understanding.understood import QueryPart

Features = NDArray[np.float32]
# Some columns of the table while they are computed, float64 [n, k].
_Values = NDArray[np.float64]

RETRIEVERS = ("lexical", "vector", "text", "image", "audio")
_RRF_K = 60

_RETRIEVAL = tuple(f"{name}_{part}" for name in RETRIEVERS for part in ("score", "scaled", "rank"))
_FUSION = ("rank_fusion", "score_fusion", "retrievers_in_agreement")
_BM25 = tuple(f"bm25_{column}" for column in COLUMNS)
_OVERLAP = (
    "query_words_in_item",  # share of the query's words, weighted by rarity
    "query_words_in_title",
    "query_words_in_item_unweighted",
    "title_words_in_query",  # share of the title's words, weighted by rarity
    "rarest_word_missing",  # idf of the rarest query word that the item lacks
    "rarest_title_word_surplus",
    "compounds_in_item",  # words that match when written as one: t-shirt, t shirt, tshirt
)
_NUMBERS = (
    "codes_in_item",  # share of the query's words with digits
    "codes_missing",
    "title_codes_surplus",
    "codes_in_title",
    "quantities_agree",
    "quantities_contradict",
)
_STRINGS = (
    "ratio",
    "partial_ratio",
    "token_sort_ratio",
    "token_set_ratio",
    "query_trigrams_in_title",
    "title_trigrams_in_query",
)
_ORDER = ("bigrams_in_title", "first_word_is_first", "last_word_in_title")
_SHAPE = ("query_words", "title_words", "log_price", "price_position")
# What the query was understood to prefer: 1 the product has it, -1 it states something else, 0 neither.
_PREFERENCES = (*(f"{kind}_agrees" for kind in KINDS), "preferences_met")
# Of a query with a photo: how far its nearest products are of the product's category, whether it is the most
# frequent one; BM25 within that category.
_PHOTO = ("photo_category", "photo_top_category", "lexical_in_photo_category")
# Words beside a photo: what the photo says times what the words say.
_COMPOSED: Mapping[str, tuple[str, str]] = {
    f"{first}_x_{second}": (first, second)
    for first, second in (
        ("photo_category", "query_words_in_item"),
        ("photo_category", "lexical_scaled"),
        ("photo_category", "vector_scaled"),
        ("image_scaled", "query_words_in_item"),
        ("image_scaled", "lexical_scaled"),
        ("image_scaled", "text_scaled"),
    )
}
FEATURES: tuple[str, ...] = (
    *_RETRIEVAL, *_FUSION, *_BM25, *_OVERLAP, *_NUMBERS, *_STRINGS, *_ORDER, *_SHAPE,
    *_PREFERENCES, *_PHOTO, *_COMPOSED,
)  # fmt: skip
_IN_TITLE, _IN_ALL = COLUMNS.index(TITLE), COLUMNS.index(ALL)
COLUMN: Mapping[str, int] = {name: position for position, name in enumerate(FEATURES)}


@dataclass(frozen=True)
class RankedQuery:
    """One query as the ranking stage reads it.

    terms: of its words, typed and transcribed; empty for an image alone. preferred: what it was understood to
    prefer.
    """

    terms: Terms = field(default_factory=Terms)
    preferred: Values = field(default_factory=dict[str, frozenset[str]])

    @classmethod
    def of(cls, text: str | None, parts: Sequence[QueryPart] = ()) -> "RankedQuery":
        """The words of a query and the parts of it that were understood."""
        return cls(read_terms(text), preferred_values(parts))


@dataclass(frozen=True)
class RankedCandidates:
    """What the retrievers brought for one query, as the ranking stage reads it.

    ids: `n` different products, by first appearance in the lists. features: float32 [n, f].
    """

    ids: tuple[str, ...]
    features: Features


def candidates_of(lists: Mapping[str, ScoredList]) -> tuple[str, ...]:
    """Every product of the lists once, retriever by retriever in the order of RETRIEVERS."""
    entries = chain.from_iterable(lists.get(name, ()) for name in RETRIEVERS)
    return tuple(dict.fromkeys(map(itemgetter(0), entries)))


@dataclass(frozen=True)
class RankerInput:
    """What the retrievers found for one query, before its features are computed.

    lists: retriever -> (product id, score), best first; a retriever that is not named was not asked.
    ids: every product of the lists once. items: terms of at least these products.
    """

    lists: Mapping[str, ScoredList]
    ids: tuple[str, ...]
    items: ItemTable

    @classmethod
    def of(cls, lists: Mapping[str, ScoredList], items: ItemTable) -> "RankerInput":
        """These lists, with a table that has all their products."""
        return cls(lists, candidates_of(lists), items)


def feature_rows(query: RankedQuery, given: RankerInput, statistics: TermStatistics) -> RankedCandidates:
    """The candidates of one query with their features.

    Args:
        query: its words and what they prefer.
        given: what the retrievers found for it.
        statistics: of the catalogue.
    """
    lists, ids, items = given.lists, given.ids, given.items
    block = np.full((len(ids), len(FEATURES)), np.nan, dtype=np.float32)
    if ids:
        _fill_retrieval(block, ids, lists)
        candidates, rows = [items[product] for product in ids], items.rows(ids)
        _fill_prices(block, items.prices.values[rows])
        if query.terms.words:
            described = _QueryTerms.of(query.terms, statistics)
            compared = _Compared(candidates, rows, items)
            _fill(block, _BM25[0], _word_features(described, compared, statistics))
        _fill(block, _PREFERENCES[0], agreement(query.preferred, [item.stated for item in candidates]))
        if lists.get(IMAGE):
            _fill_photo(block, ids, lists[IMAGE], candidates)
    return RankedCandidates(ids, block)


def _fill(block: Features, first: str, values: _Values) -> None:
    """Sets the columns from `first` on."""
    start = COLUMN[first]
    block[:, start : start + values.shape[1]] = values


def _fill_photo(block: Features, ids: Sequence[str], photo: ScoredList, items: Sequence[ItemTerms]) -> None:
    """What the photo's nearest products say; beside words also what both say together."""
    row_of = {product: row for row, product in enumerate(ids)}
    rows = [row_of[product] for product, _ in photo]
    shares = category_shares(photo, [item.category for item in items], rows)
    block[:, COLUMN["photo_category"]] = shares
    block[:, COLUMN["photo_top_category"]] = shares == shares.max()
    words = np.nan_to_num(block[:, COLUMN["lexical_score"]]) * (shares == shares.max())
    if not np.isnan(block[0, COLUMN["query_words"]]):
        block[:, COLUMN["lexical_in_photo_category"]] = words / max(float(words.max()), 1e-9)
        for name, (first, second) in _COMPOSED.items():
            parts = np.nan_to_num(block[:, [COLUMN[first], COLUMN[second]]])
            block[:, COLUMN[name]] = parts[:, 0] * parts[:, 1]


def _fill_retrieval(block: Features, ids: Sequence[str], lists: Mapping[str, ScoredList]) -> None:
    """Score, score scaled to 0..1 within the list, and 1 / rank of each retriever; then their fusions."""
    row_of = {product: row for row, product in enumerate(ids)}
    scaled = np.zeros((len(RETRIEVERS), len(ids)))
    ranks = np.zeros((len(RETRIEVERS), len(ids)))
    for number, name in enumerate(RETRIEVERS):
        if name not in lists:
            continue
        rows = np.array([row_of[product] for product, _ in lists[name]], dtype=np.int64)
        scores = [score for _, score in lists[name]]
        scaled[number, rows] = scaled_scores(name, scores)
        ranks[number, rows] = 1.0 / np.arange(1, len(rows) + 1)
        first = COLUMN[f"{name}_score"]
        block[rows, first] = scores
        block[:, first + 1] = scaled[number]
        block[:, first + 2] = ranks[number]
    with np.errstate(divide="ignore"):
        reciprocal = np.where(ranks > 0, 1.0 / (_RRF_K + 1.0 / np.maximum(ranks, 1e-9)), 0.0)
    block[:, COLUMN["rank_fusion"]] = reciprocal.sum(axis=0)
    shares = fusion_shares(lists)
    block[:, COLUMN["score_fusion"]] = np.array([shares.get(name, 0.0) for name in RETRIEVERS]) @ scaled
    block[:, COLUMN["retrievers_in_agreement"]] = (ranks > 0).sum(axis=0)


def _fill_prices(block: Features, prices: _Values) -> None:
    block[:, COLUMN["log_price"]] = np.log1p(np.maximum(prices, 0.0))
    priced = np.sort(prices[~np.isnan(prices)])
    if len(priced):
        position = np.searchsorted(priced, prices, side="right") / len(priced)
        block[:, COLUMN["price_position"]] = np.where(np.isnan(prices), np.nan, position)


@dataclass(frozen=True)
class _Compared:
    """The `n` candidates. rows: where they stand in the table, int64 [n]."""

    items: Sequence[ItemTerms]
    rows: NDArray[np.int64]
    table: ItemTable

    def matches(self, lists: EntryLists, wanted: NDArray[np.bool_]) -> _Values:
        """How many entries of each candidate's list are wanted, [n]. wanted: by the entry's number."""
        entries = lists.of(self.rows)
        return self.per_item(entries.owner, wanted[entries.values])

    def per_item(self, owner: NDArray[np.int64], weights: NDArray[Any]) -> _Values:
        """The sum over each candidate's entries, [n]."""
        return np.bincount(owner, weights=weights, minlength=len(self.rows)).astype(np.float64, copy=False)


@dataclass(frozen=True)
class _QueryTerms:
    """A query's terms with what every candidate is compared by.

    words: the `q` different ones, in order. idf: float64 [q]. bigrams: neighbours.
    """

    terms: Terms
    words: tuple[str, ...]
    idf: NDArray[np.float64]
    bigrams: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, terms: Terms, statistics: TermStatistics) -> "_QueryTerms":
        words = tuple(dict.fromkeys(terms.words))
        bigrams = frozenset(pairwise(terms.words))
        return cls(terms, words, statistics.idf(words), bigrams)


def _word_features(query: _QueryTerms, compared: _Compared, statistics: TermStatistics) -> _Values:
    """The features from _BM25 to `title_words` in the order of FEATURES, all candidates at once."""
    counts = compared.table.counts_of(compared.rows, query.words)
    lengths = compared.table.lengths.values[compared.rows]
    return np.column_stack(
        (
            _bm25(query, lengths, counts, statistics),
            _overlap(query, compared, counts, statistics),
            _numbers(query.terms, compared.items),
            _strings(query.terms, compared),
            _order(query, compared, counts),
            np.full(len(lengths), len(query.terms.words)),
            lengths[:, _IN_TITLE],
        )
    )


def _bm25(query: _QueryTerms, lengths: _Values, counts: _Values, statistics: TermStatistics) -> _Values:
    """counts: of the query's different words, [n, q, c]. lengths: of the columns, [n, c]."""
    position = {word: number for number, word in enumerate(query.words)}
    with_repeats = counts[:, [position[word] for word in query.terms.words]]
    return statistics.bm25(query.terms.words, with_repeats, lengths)


def _overlap(query: _QueryTerms, compared: _Compared, counts: _Values, statistics: TermStatistics) -> _Values:
    """counts: of the query's different words, [n, q, c]."""
    total = query.idf.sum() or 1.0
    in_item, in_title = counts[:, :, _IN_ALL] > 0, counts[:, :, _IN_TITLE] > 0
    title_share, surplus = _title_overlap(query, compared, statistics)
    return np.column_stack(
        (
            in_item @ query.idf / total,
            in_title @ query.idf / total,
            in_item.mean(axis=1),
            title_share,
            np.where(in_item, 0.0, query.idf).max(axis=1),
            surplus,
            _compounds(query, compared),
        )
    )


def _title_overlap(
    query: _QueryTerms, compared: _Compared, statistics: TermStatistics
) -> tuple[_Values, _Values]:
    """Of each title, the share of its words that the query has, weighted by rarity, and the idf of the rarest
    one that it has not; [n] each."""
    table = compared.table
    entries = table.title_words.of(compared.rows)
    asked_for = lookup(table.vocabulary, query.words)[entries.values]
    idf = table.idf(statistics)[entries.values]
    total, matched = (compared.per_item(entries.owner, weights) for weights in (idf, idf * asked_for))
    surplus = np.zeros(len(compared.rows))
    np.maximum.at(surplus, entries.owner, np.where(asked_for, 0.0, idf))
    return matched / np.where(total > 0, total, 1.0), surplus


def _compounds(query: _QueryTerms, compared: _Compared) -> _Values:
    """The query's compounds among a candidate's words, and its words among a candidate's compounds, [n]."""
    table = compared.table
    compounds, words = (lookup(table.vocabulary, texts) for texts in (tuple(query.terms.joined), query.words))
    return compared.matches(table.words, compounds) + compared.matches(table.joined, words)


def _numbers(query: Terms, items: Sequence[ItemTerms]) -> _Values:
    if not query.codes and not query.quantities:
        return np.tile((math.nan, 0.0, math.nan, 0.0, math.nan, math.nan), (len(items), 1))
    return np.array([_numbers_of(query, item) for item in items])


def _numbers_of(query: Terms, item: ItemTerms) -> list[float]:
    codes = query.codes
    agree = contradict = 0
    for unit, values in query.quantities.items():
        offered = item.quantities.get(unit)
        if offered:
            agree += bool(values & offered)
            contradict += not values & offered
    return [
        len(codes & item.codes) / len(codes) if codes else math.nan,
        float(len(codes - item.codes)),
        float(len(item.title.codes - codes)) if codes else math.nan,
        float(len(codes & item.title.codes)),
        float(agree) if query.quantities else math.nan,
        float(contradict) if query.quantities else math.nan,
    ]


def _strings(query: Terms, compared: _Compared) -> _Values:
    from rapidfuzz import fuzz
    from rapidfuzz.process import cdist

    scorers = (fuzz.ratio, fuzz.partial_ratio, fuzz.token_sort_ratio, fuzz.token_set_ratio)
    texts = [item.title.text for item in compared.items]
    table = compared.table
    trigrams = table.title_trigrams.of(compared.rows)
    shared = compared.per_item(trigrams.owner, lookup(table.trigrams, tuple(query.trigrams))[trigrams.values])
    sizes = np.bincount(trigrams.owner, minlength=len(texts))
    return np.column_stack(
        (
            *(cdist([query.text], texts, scorer=scorer, dtype=np.float64)[0] for scorer in scorers),
            shared / max(len(query.trigrams), 1),
            shared / np.maximum(sizes, 1),
        )
    )


def _order(query: _QueryTerms, compared: _Compared, counts: _Values) -> _Values:
    """counts: of the query's different words, [n, q, c]."""
    table = compared.table
    number = dict(zip(query.words, table.vocabulary.numbers(query.words), strict=True))
    bigrams = [
        bigram(number[first], number[second])
        for first, second in query.bigrams
        if number[first] >= 0 and number[second] >= 0
    ]
    entries = table.title_bigrams.of(compared.rows)
    shared = compared.per_item(entries.owner, np.isin(entries.values, bigrams))
    is_first = table.first_words.values[compared.rows] == number[query.terms.words[0]]
    has_last = counts[:, query.words.index(query.terms.words[-1]), _IN_TITLE] > 0
    return np.column_stack((shared / max(len(query.bigrams), 1), is_first, has_last)).astype(np.float64)
