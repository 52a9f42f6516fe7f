"""Products as columns of numbers say what their terms say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.ranking.item_table import ItemTable, bigram, lookup
from mmsearch_dagster.core.ranking.items import COLUMNS, item_terms
from tests.core.ranking.catalogue import ITEMS, STATISTICS

WORDS = ("blue", "red", "shoe", "500", "ml", "kite", "t-shirt", "运动鞋")
TITLES = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), min_size=1, max_size=6)


def table_of(titles: list[str]) -> ItemTable:
    return ItemTable.of({str(row): item_terms({"title": title}) for row, title in enumerate(titles)})


@given(TITLES, st.lists(st.sampled_from(("blue", "shoe", "kite", "unicorn")), min_size=1, unique=True))
def test_counts_are_those_of_the_terms(titles: list[str], words: list[str]) -> None:
    table = table_of(titles)
    counts = table.counts_of(np.arange(len(titles)), words)

    for row, item in enumerate(table.values()):
        expected = [item.words.get(word, (0,) * len(COLUMNS)) for word in words]
        assert counts[row].tolist() == np.array(expected, dtype=float).tolist()


@given(TITLES, st.integers(0, 100))
def test_a_row_has_its_own_entries_in_any_order_of_rows(titles: list[str], seed: int) -> None:
    table = table_of(titles)
    rows = np.random.default_rng(seed).permutation(len(titles))
    entries = table.title_words.of(rows)

    for place, row in enumerate(rows):
        numbers = entries.values[entries.owner == place]
        words = [table.vocabulary.texts[number] for number in numbers]
        assert words == list(dict.fromkeys(table[str(row)].title.words))


@given(TITLES, TITLES)
def test_products_that_come_later_change_nothing_of_those_before(first: list[str], later: list[str]) -> None:
    alone, grown = table_of(first), table_of(first)
    rows = np.arange(len(first))
    grown.add({f"later {number}": item_terms({"title": title}) for number, title in enumerate(later)})

    assert len(grown) == len(first) + len(later)
    assert grown.counts_of(rows, WORDS).tolist() == alone.counts_of(rows, WORDS).tolist()
    assert grown.lengths.values[rows].tolist() == alone.lengths.values[rows].tolist()
    assert grown.title_bigrams.of(rows).values.tolist() == alone.title_bigrams.of(rows).values.tolist()


def test_a_product_that_is_added_again_stays_as_it_is() -> None:
    table = table_of(["blue shoe"])
    table.add({"0": item_terms({"title": "red kite"})})

    assert table["0"].title.words == ("blue", "shoe")
    assert table.missing(["0", "1"]) == ["1"]


def test_rarity_follows_the_vocabulary() -> None:
    table = ItemTable.of({"a": ITEMS["a"]})
    before = table.idf(STATISTICS)
    table.add({"e": ITEMS["e"]})
    after = table.idf(STATISTICS)

    assert after[: len(before)].tolist() == before.tolist()
    assert after.tolist() == STATISTICS.idf(table.vocabulary.texts).tolist()


def test_an_unknown_word_is_nowhere() -> None:
    table = table_of(["", "blue"])

    assert not lookup(table.vocabulary, ["unicorn"]).any()
    assert table.vocabulary.numbers(["unicorn"]) == [-1]
    # A title without words does not begin with an unknown word.
    assert table.first_words.values[0] != -1


@pytest.mark.parametrize("pair", [(0, 1), (1, 0), (7, 70_000)])
def test_a_bigram_keeps_its_order(pair: tuple[int, int]) -> None:
    assert bigram(*pair) != bigram(*pair[::-1])
