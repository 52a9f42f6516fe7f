"""The reviewed table of relevance features: one float32 row per (query, candidate).

The same code computes it in training, evaluation and serving. What cannot be known is NaN (a retriever that
was not asked, a price that is missing), never a zero that looks like data.
Letters: `n` candidates of one query, `f` features.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.relevance.items import ALL, FIELDS, ItemTerms
from mmsearch_dagster.core.ranking.relevance.statistics import TermStatistics, weights_of
from mmsearch_dagster.core.ranking.relevance.terms import Terms
from mmsearch_dagster.core.retrieval.score_fusion import ScoredList, fusion_shares, scaled_scores

Features = NDArray[np.float32]

RETRIEVERS = ("lexical", "vector", "text", "image", "audio")
_RRF_K = 60

_RETRIEVAL = tuple(f"{name}_{part}" for name in RETRIEVERS for part in ("score", "scaled", "rank"))
_FUSION = ("rank_fusion", "score_fusion", "retrievers_in_agreement")
_BM25 = tuple(f"bm25_{column}" for column in (*FIELDS, ALL))
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
FEATURES: tuple[str, ...] = (
    *_RETRIEVAL, *_FUSION, *_BM25, *_OVERLAP, *_NUMBERS, *_STRINGS, *_ORDER, *_SHAPE,
)  # fmt: skip
COLUMN: Mapping[str, int] = {name: position for position, name in enumerate(FEATURES)}


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
    query: Terms,
    lists: Mapping[str, ScoredList],
    items: Mapping[str, ItemTerms],
    statistics: TermStatistics,
) -> RankedCandidates:
    """The candidates of one query with their features.

    Args:
        query: the terms of its words, typed and transcribed; empty for an image alone.
        lists: retriever -> (product id, score), best first. A retriever that is not named was not asked.
        items: terms of at least every product in the lists.
        statistics: of the catalogue.
    """
    ids = candidates_of(lists)
    block = np.full((len(ids), len(FEATURES)), np.nan, dtype=np.float32)
    if ids:
        _fill_retrieval(block, ids, lists)
        _fill_prices(block, [items[product].price for product in ids])
        if query.words:
            described = _QueryTerms.of(query, statistics)
            start = COLUMN[_BM25[0]]
            for row, product in enumerate(ids):
                values = _word_features(described, items[product], statistics)
                block[row, start : start + len(values)] = values
    return RankedCandidates(ids, block)


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
    """A query's terms with what every candidate is compared by."""

    terms: Terms
    weights: Mapping[str, float]
    total: float
    bigrams: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, terms: Terms, statistics: TermStatistics) -> "_QueryTerms":
        weights = weights_of(statistics, terms.vocabulary)
        bigrams = frozenset(zip(terms.words, terms.words[1:], strict=False))
        return cls(terms, weights, sum(weights.values()) or 1.0, bigrams)


def _word_features(query: _QueryTerms, item: ItemTerms, statistics: TermStatistics) -> list[float]:
    """The features from _BM25 to `title_words`, in the order of FEATURES."""
    return [
        *statistics.bm25(query.terms.words, item),
        *_overlap(query, item, statistics),
        *_numbers(query.terms, item),
        *_strings(query.terms, item.title),
        *_order(query, item.title),
        float(len(query.terms.words)),
        float(len(item.title.words)),
    ]


def _overlap(query: _QueryTerms, item: ItemTerms, statistics: TermStatistics) -> list[float]:
    weights, title, words = query.weights, item.title.vocabulary, item.words
    in_item = [term for term in weights if term in words]
    missing = [weight for term, weight in weights.items() if term not in words]
    title_weights = weights_of(statistics, title)
    surplus = [weight for term, weight in title_weights.items() if term not in weights]
    matched = sum(weight for term, weight in title_weights.items() if term in weights)
    compounds = [term for term in query.terms.joined if term in words]
    compounds += [term for term in weights if term in item.joined]
    return [
        sum(weights[term] for term in in_item) / query.total,
        sum(weight for term, weight in weights.items() if term in title) / query.total,
        len(in_item) / max(len(weights), 1),
        matched / (sum(title_weights.values()) or 1.0),
        max(missing, default=0.0),
        max(surplus, default=0.0),
        float(len(compounds)),
    ]


def _numbers(query: Terms, item: ItemTerms) -> list[float]:
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


def _strings(query: Terms, title: Terms) -> list[float]:
    from rapidfuzz import fuzz

    shared = len(query.trigrams & title.trigrams)
    return [
        fuzz.ratio(query.text, title.text),
        fuzz.partial_ratio(query.text, title.text),
        fuzz.token_sort_ratio(query.text, title.text),
        fuzz.token_set_ratio(query.text, title.text),
        shared / max(len(query.trigrams), 1),
        shared / max(len(title.trigrams), 1),
    ]


def _order(query: _QueryTerms, title: Terms) -> list[float]:
    pairs = zip(title.words, title.words[1:], strict=False)
    shared = sum(pair in query.bigrams for pair in pairs)
    return [
        shared / max(len(query.bigrams), 1),
        float(bool(title.words) and title.words[0] == query.terms.words[0]),
        float(query.terms.words[-1] in title.vocabulary),
    ]
