"""How rare each word is, by hand."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.item_table import ItemTable
from mmsearch_dagster.core.ranking.items import FIELDS, ItemTerms
from mmsearch_dagster.core.ranking.statistics import K1, B, TermStatistics
from tests.core.ranking.catalogue import ITEMS, STATISTICS

TITLE = FIELDS.index("title")


def bm25(
    words: Sequence[str], item: ItemTerms, statistics: TermStatistics = STATISTICS
) -> NDArray[np.float64]:
    """Of one product, [c]."""
    counts = ItemTable.of({"": item}).counts_of(np.zeros(1, dtype=np.int64), list(dict.fromkeys(words)))
    repeated = counts[:, [list(dict.fromkeys(words)).index(word) for word in words]]
    return statistics.bm25(words, repeated, np.array([item.lengths], dtype=np.float64))[0]


def test_a_word_counts_once_per_product() -> None:
    # `run` stands in title and category of two products of five
    assert STATISTICS.idf(["run"])[0] == pytest.approx(math.log1p((5 - 2 + 0.5) / 2.5))


def test_a_word_that_no_product_has_is_the_rarest() -> None:
    assert STATISTICS.idf(["unicorn"])[0] == pytest.approx(math.log1p(5.5 / 0.5))


def test_bm25_of_a_field_follows_the_formula() -> None:
    item = ITEMS["a"]  # title: blue run shoe, 3 words; titles have (3 + 3 + 4 + 4 + 3) / 5 = 3.4
    norm = K1 * (1 - B + B * 3 / 3.4)
    by_hand = math.log1p((5 - 3 + 0.5) / 3.5) * (K1 + 1) / (1 + norm)

    assert bm25(("blue", "unicorn"), item)[TITLE] == pytest.approx(by_hand)


def test_a_word_that_the_query_repeats_counts_as_often() -> None:
    repeated, single = (bm25(words, ITEMS["a"]) for words in (("blue", "blue"), ("blue",)))

    assert repeated.tolist() == pytest.approx((2 * single).tolist())


def test_statistics_survive_their_file() -> None:
    read = TermStatistics.from_json(STATISTICS.to_json())

    assert read.terms == STATISTICS.terms
    assert read.idf(["blue"]) == STATISTICS.idf(["blue"])
    assert bm25(("blue",), ITEMS["a"], read).tolist() == bm25(("blue",), ITEMS["a"]).tolist()
