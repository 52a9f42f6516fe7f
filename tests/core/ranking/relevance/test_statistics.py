"""How rare each word is, by hand."""

import math

import pytest

from mmsearch_dagster.core.ranking.relevance.items import FIELDS
from mmsearch_dagster.core.ranking.relevance.statistics import K1, B, TermStatistics
from tests.core.ranking.relevance.catalogue import ITEMS, STATISTICS

TITLE = FIELDS.index("title")


def test_a_word_counts_once_per_product() -> None:
    # `run` stands in title and category of two products of five
    assert STATISTICS.idf("run") == pytest.approx(math.log1p((5 - 2 + 0.5) / 2.5))


def test_a_word_that_no_product_has_is_the_rarest() -> None:
    assert STATISTICS.idf("unicorn") == pytest.approx(math.log1p(5.5 / 0.5))


def test_bm25_of_a_field_follows_the_formula() -> None:
    item = ITEMS["a"]  # title: blue run shoe, 3 words; titles have (3 + 3 + 4 + 4 + 3) / 5 = 3.4
    norm = K1 * (1 - B + B * 3 / 3.4)
    by_hand = math.log1p((5 - 3 + 0.5) / 3.5) * (K1 + 1) / (1 + norm)

    assert STATISTICS.bm25(("blue", "unicorn"), item)[TITLE] == pytest.approx(by_hand)


def test_statistics_survive_their_file() -> None:
    read = TermStatistics.from_json(STATISTICS.to_json())

    assert read.terms == STATISTICS.terms
    assert read.idf("blue") == STATISTICS.idf("blue")
    assert read.bm25(("blue",), ITEMS["a"]) == STATISTICS.bm25(("blue",), ITEMS["a"])
