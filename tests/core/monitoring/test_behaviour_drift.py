"""What people do, beside what they did when the release was made."""

import polars as pl

from mmsearch_dagster.core.monitoring.behaviour_drift import CLICKS, behaviour_drift, behaviour_findings
from mmsearch_dagster.core.monitoring.policy import MonitoringPolicy


def searches(*, clicked: int, size: int = 200) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "shown": [True] * size,
            "clicked": [n < clicked for n in range(size)],
            "query": ["shoes"] * size,
            "words in the query": [1] * size,
            "with a picture": [False] * size,
        }
    )


def test_clicks_that_fell_are_a_finding_with_its_bound() -> None:
    table = behaviour_drift(searches(clicked=100), searches(clicked=40), 0.95)
    (finding,) = behaviour_findings(table, MonitoringPolicy())
    assert finding.text == f"behaviour drift in {CLICKS}, change -0.30 < -0.02"


def test_clicks_that_rose_are_no_finding() -> None:
    table = behaviour_drift(searches(clicked=40), searches(clicked=100), 0.95)
    assert behaviour_findings(table, MonitoringPolicy()) == []


def test_few_searches_say_nothing() -> None:
    assert behaviour_drift(searches(clicked=5, size=49), searches(clicked=40), 0.95).is_empty()
