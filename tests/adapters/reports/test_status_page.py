"""The page of a home's status: whole for every kind of home, offline, and drawn to scale."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mmsearch_dagster.adapters.reports.sparkline import Dot, Span, sparkline
from mmsearch_dagster.adapters.reports.status_page import status_html
from mmsearch_dagster.core.monitoring.daily_metrics import HomeState
from mmsearch_dagster.core.monitoring.status import Scheduler, Status
from tests.status_month import month

EMPTY = Status("/shops/new", datetime(2026, 5, 1, tzinfo=UTC), HomeState(), [], [], Scheduler())


def test_a_month_is_shown_with_its_gate_drift_quarantine_and_searches() -> None:
    page = status_html(month())

    for title in ("Current release", "Gate margins", "Drift over", "Quarantine over", "Searches", "nightly"):
        assert title in page
    assert "r-0000000014: -0.0212" in page, "the refused model's margin is below its limit"
    assert "410 of 5,810 rows" in page, "the bad batch"
    assert "within its limit; last beyond it 20 May" in page
    assert "the data are what they were; last otherwise 14 May" in page


@pytest.mark.parametrize("status", [EMPTY, month(1), month(20), month()])
def test_the_page_asks_nothing_of_the_web_and_runs_no_script(status: Status) -> None:
    page = status_html(status)

    assert not re.findall(r"(?:src|href)=|url\(|@import|<script", page)
    assert "prefers-color-scheme: dark" in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_an_empty_home_says_what_fills_it() -> None:
    page = status_html(EMPTY)

    assert "Nothing was released yet." in page
    assert "The first <code>mmsearch run</code> fills this page." in page
    assert "<svg" not in page


def test_a_monitor_without_a_figure_shows_its_verdict_and_no_number() -> None:
    status = month(1)
    state = status.days[0].state
    assert state is not None
    bare = state.drift[0].model_copy(update={"level": None})
    day = status.days[0].model_copy(update={"state": state.model_copy(update={"drift": (bare,)})})

    page = status_html(replace(status, days=[day]))

    assert "of bound" not in page
    assert '<span class="good">fine</span>' in page


def test_what_a_shop_wrote_is_shown_and_never_becomes_part_of_the_page() -> None:
    status = month(1)
    gate = status.gates[0].model_copy(update={"why": "<img src=x onerror=alert(1)>", "release_id": "<b>"})

    page = status_html(replace(status, gates=[gate], home="<script>"))

    assert "<img" not in page
    assert "<script" not in page


def test_a_line_lies_where_its_values_lie() -> None:
    start, middle, end = (datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2, 3))
    dots = [Dot(start, 0.0, good=False), Dot(middle, 5.0), Dot(end, 10.0, good=True)]

    svg = sparkline(dots, Span(start, end), guide=5.0)

    assert re.findall(r'class="(\w+)" cx="([\d.]+)" cy="([\d.]+)"', svg) == [
        ("bad", "7.0", "65.0"),
        ("plain", "160.0", "36.0"),
        ("good", "313.0", "7.0"),
    ]
    assert '<polyline class="guide" points="0.0,36.0 320.0,36.0"/>' in svg
