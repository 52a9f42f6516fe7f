"""The reviewed table of relevance features: one float32 row per (query, candidate).

The same code computes it in training, evaluation and serving. What cannot be known is NaN (a retriever that
was not asked, a price that is missing), never a zero that looks like data.
Letters: `n` candidates of one query, `q` different words of it, `c` text columns, `f` features.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modality_names import IMAGE
from mmsearch_dagster.core.ranking.composed import category_shares
from mmsearch_dagster.core.ranking.items import ALL, COLUMNS, TITLE, ItemTerms, word_counts
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
    ids = (product for name in RETRIEVERS for product, _ in lists.get(name, ()))
    return tuple(dict.fromkeys(ids))


def feature_rows(
    query: RankedQuery,
    lists: Mapping[str, ScoredList],
    items: Mapping[str, ItemTerms],
    statistics: TermStatistics,
) -> RankedCandidates:
    """The candidates of one query with their features.

    Args:
        query: its words and what they prefer.
        lists: retriever -> (product id, score), best first. A retriever that is not named was not asked.
        items: terms of at least every product in the lists.
        statistics: of the catalogue.
    """
    ids = candidates_of(lists)
    block = np.full((len(ids), len(FEATURES)), np.nan, dtype=np.float32)
    if ids:
        _fill_retrieval(block, ids, lists)
        candidates = [items[product] for product in ids]
        _fill_prices(block, [item.price for item in candidates])
        if query.terms.words:
            described = _QueryTerms.of(query.terms, statistics)
            _fill(block, _BM25[0], _word_features(described, candidates, statistics))
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


def _fill_prices(block: Features, prices: Sequence[float | None]) -> None:
    values = np.array([np.nan if price is None else price for price in prices], dtype=np.float64)
    block[:, COLUMN["log_price"]] = np.log1p(np.maximum(values, 0.0))
    priced = np.sort(values[~np.isnan(values)])
    if len(priced):
        position = np.searchsorted(priced, values, side="right") / len(priced)
        block[:, COLUMN["price_position"]] = np.where(np.isnan(values), np.nan, position)


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


def _word_features(query: _QueryTerms, items: Sequence[ItemTerms], statistics: TermStatistics) -> _Values:
    """The features from _BM25 to `title_words` in the order of FEATURES, all candidates at once."""
    counts = word_counts(items, query.words)
    titles = [item.title for item in items]
    return np.column_stack(
        (
            _bm25(query, items, counts, statistics),
            _overlap(query, items, counts, statistics),
            _numbers(query.terms, items),
            _strings(query.terms, titles),
            _order(query, titles, counts),
            np.full(len(items), len(query.terms.words)),
            [len(title.words) for title in titles],
        )
    )


def _bm25(
    query: _QueryTerms, items: Sequence[ItemTerms], counts: _Values, statistics: TermStatistics
) -> _Values:
    """counts: of the query's different words, [n, q, c]."""
    position = {word: number for number, word in enumerate(query.words)}
    with_repeats = counts[:, [position[word] for word in query.terms.words]]
    lengths = np.array([item.lengths for item in items], dtype=np.float64)
    return statistics.bm25(query.terms.words, with_repeats, lengths)


def _overlap(
    query: _QueryTerms, items: Sequence[ItemTerms], counts: _Values, statistics: TermStatistics
) -> _Values:
    """counts: of the query's different words, [n, q, c]."""
    total = query.idf.sum() or 1.0
    in_item, in_title = counts[:, :, _IN_ALL] > 0, counts[:, :, _IN_TITLE] > 0
    title_share, surplus = _title_overlap(query, [item.title for item in items], statistics)
    return np.column_stack(
        (
            in_item @ query.idf / total,
            in_title @ query.idf / total,
            in_item.mean(axis=1),
            title_share,
            np.where(in_item, 0.0, query.idf).max(axis=1),
            surplus,
            [_compounds(query, item) for item in items],
        )
    )


def _title_overlap(
    query: _QueryTerms, titles: Sequence[Terms], statistics: TermStatistics
) -> tuple[_Values, _Values]:
    """Of each title, the share of its words that the query has, weighted by rarity, and the idf of the rarest
    one that it has not; [n] each."""
    rows = np.repeat(np.arange(len(titles)), [len(title.vocabulary) for title in titles])
    words = [word for title in titles for word in title.vocabulary]
    asked_for = np.array(list(map(query.terms.vocabulary.__contains__, words)), dtype=bool)
    idf = statistics.idf(words)
    total, matched = (
        np.bincount(rows, weights=weights, minlength=len(titles)) for weights in (idf, idf * asked_for)
    )
    surplus = np.zeros(len(titles))
    np.maximum.at(surplus, rows, np.where(asked_for, 0.0, idf))
    return matched / np.where(total > 0, total, 1.0), surplus


def _compounds(query: _QueryTerms, item: ItemTerms) -> int:
    return sum(map(item.words.__contains__, query.terms.joined)) + sum(
        map(item.joined.__contains__, query.words)
    )


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


def _strings(query: Terms, titles: Sequence[Terms]) -> _Values:
    from rapidfuzz import fuzz
    from rapidfuzz.process import cdist

    scorers = (fuzz.ratio, fuzz.partial_ratio, fuzz.token_sort_ratio, fuzz.token_set_ratio)
    texts = [title.text for title in titles]
    shared = np.array([len(query.trigrams & title.trigrams) for title in titles])
    sizes = np.array([len(title.trigrams) for title in titles])
    return np.column_stack(
        (
            *(cdist([query.text], texts, scorer=scorer, dtype=np.float64)[0] for scorer in scorers),
            shared / max(len(query.trigrams), 1),
            shared / np.maximum(sizes, 1),
        )
    )


def _order(query: _QueryTerms, titles: Sequence[Terms], counts: _Values) -> _Values:
    """counts: of the query's different words, [n, q, c]."""
    first, last = query.terms.words[0], query.words.index(query.terms.words[-1])
    # A title has a pair of the query's words only where it has two of them.
    may_share = (counts[:, :, _IN_TITLE].sum(axis=1) > 1).tolist()
    shared = [
        _shared_bigrams(query, title) if may else 0 for title, may in zip(titles, may_share, strict=True)
    ]
    return np.column_stack(
        (
            np.array(shared) / max(len(query.bigrams), 1),
            [bool(title.words) and title.words[0] == first for title in titles],
            counts[:, last, _IN_TITLE] > 0,
        )
    )


def _shared_bigrams(query: _QueryTerms, title: Terms) -> int:
    return sum(map(query.bigrams.__contains__, pairwise(title.words)))
