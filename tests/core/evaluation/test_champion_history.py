"""A champion that cannot be run again is held to what it reached on the same queries."""

from dataclasses import replace

import polars as pl
import pytest

from mmsearch_dagster.core.evaluation.champion_history import STORED_CHAMPION, stored_champion_values
from mmsearch_dagster.core.evaluation.comparison import ENGINE, FUSED, all_values
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.metrics.ranking import by_query
from tests.core.judged import queries, rankings

ASKED = queries(3)
VALUES = all_values({ENGINE: rankings(ASKED, "wrong", "right"), FUSED: rankings(ASKED, "right")}, ASKED)


def test_the_same_queries_are_answered_from_memory() -> None:
    found = stored_champion_values(VALUES, ASKED, queries(3), "mrr")
    assert found is not None
    assert set(found["branch"]) == {STORED_CHAMPION}
    assert by_query(found, "mrr") == dict.fromkeys(ASKED.batch.ids, 0.5)


@pytest.mark.parametrize(
    "now",
    [
        queries(2),
        queries(4),
        queries(3, picture=True),
        replace(ASKED, grades={key: {"right": 2} for key in ASKED.batch.ids}),
        replace(ASKED, grades={key: {"right": 3, "new": 1} for key in ASKED.batch.ids}),
        replace(ASKED, texts=("other", "words", "words")),
    ],
    ids=["fewer", "more", "other kind", "other grade", "more judged", "other words"],
)
def test_other_queries_or_judgments_are_no_comparison(now: JudgedQueries) -> None:
    assert stored_champion_values(VALUES, ASKED, now, "mrr") is None


def test_words_that_were_heard_may_differ() -> None:
    spoken = dict.fromkeys(ASKED.batch.ids, "voice")
    then, now = (replace(ASKED, kinds=spoken, texts=(heard, "b", "c")) for heard in ("red", "read"))
    assert stored_champion_values(VALUES, then, now, "mrr") is not None


def test_a_metric_that_was_not_measured_then_is_no_comparison() -> None:
    assert stored_champion_values(VALUES, ASKED, ASKED, "ndcg@7") is None
    broken = VALUES.with_columns(value=pl.lit(float("nan")))
    assert stored_champion_values(broken, ASKED, ASKED, "mrr") is None
    nobody = queries(0)
    assert stored_champion_values(VALUES.clear(), nobody, nobody, "mrr") is None
