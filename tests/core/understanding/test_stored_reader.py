"""A reader that was written and read again reads every query alike."""

import pytest

from mmsearch_dagster.core.understanding.stored_reader import reader_of_text, reader_to_text
from mmsearch_dagster.core.understanding.synonyms import OneWay, SynonymRules
from tests.core.understanding.shop import REAL_WORDS, reader

QUERIES = [
    *("blu sneekers under 60", "DK-77", "4006381333931", "like AB-1003 but cheaper", "red but not dress"),
    *("rubberduck", "t shirt size m", "tee shirt", "红色双肩包", "gown", "lampe", "qwertz", "summer dresses"),
]


@pytest.mark.parametrize(
    "rules", [SynonymRules(), SynonymRules(one_way=(OneWay(typed="lampe", means=("lamp",)),))]
)
def test_every_query_is_read_as_before_it_was_stored(rules: SynonymRules) -> None:
    made = reader(rules)

    stored = reader_of_text(reader_to_text(reader()), rules, REAL_WORDS.__contains__)

    assert [stored.read(text) for text in QUERIES] == [made.read(text) for text in QUERIES]
    assert dict(stored.products) == dict(made.products)
    assert len(stored.products) == len(made.products)
