"""A home after a month, as a record: what the page and the text are tried with."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from mmsearch_dagster.core.monitoring.daily_metrics import (
    DailyMetrics,
    DriftResult,
    GateResult,
    HomeState,
    QuarantineResult,
    SearchResult,
)
from mmsearch_dagster.core.monitoring.status import RunRow, ScheduledRun, Scheduler, Status

FIRST = date(2026, 5, 1)
REFUSED, DRIFTING = (20,), (12, 13, 14)


def month(days: int = 30) -> Status:
    """So many days: a refused model on day 20, drift on days 12 to 14, a bad batch on day 17."""
    metrics = [_day(number) for number in range(1, days + 1)]
    now = datetime.combine(metrics[-1].day, datetime.min.time(), UTC) + timedelta(hours=18)
    state = metrics[-1].state
    assert state is not None
    return Status("/shops/tiny", now, state, metrics, _gates(metrics), _scheduler(now))


def _gates(metrics: Sequence[DailyMetrics]) -> list[GateResult]:
    return [gate for day in metrics for gate in day.gates]


def _day(number: int) -> DailyMetrics:
    day = FIRST + timedelta(days=number - 1)
    wave, served = math.sin(number / 3), number - 1 if number in REFUSED else number
    psi = 0.31 if number in DRIFTING else 0.08 + 0.02 * wave
    quality = {"all": 0.71 + 0.004 * number / 3 + 0.01 * wave, "words": 0.83, "picture": 0.64 + 0.01 * wave}
    drift = DriftResult(
        monitor="data_drift",
        fine=number not in DRIFTING,
        sentence="drifted since the champion: price" if number in DRIFTING else "the data are what they were",
        level=psi / 0.25,
    )
    silent = DriftResult(monitor="search_quality", fine=None, sentence="fewer than two periods of 7 days")
    return DailyMetrics(
        day=day,
        collected=f"{day}T18:00:00+00:00",
        state=HomeState(
            release=f"r-{served:010x}",
            model_version=served,
            released_at=f"{FIRST + timedelta(days=served - 1)}T02:41:00+00:00",
            metric="ndcg@10",
            quality=quality,
            provenance="catalogue",
            drift=(drift, silent),
            quarantine=(
                QuarantineResult(table="products", kept=5400, quarantined=410 if number == 17 else 6),
                QuarantineResult(table="events", kept=39_000 + 900 * number, quarantined=12),
            ),
        ),
        gates=(_gate(number, day, wave),),
        searches=SearchResult(
            searches=1200 + int(90 * wave), with_click=0.41, with_purchase=0.06, without_results=0.03
        ),
    )


def _gate(number: int, day: date, wave: float) -> GateResult:
    passed = number not in REFUSED
    return GateResult(
        when=f"{day}T02:41:00+00:00",
        release_id=f"r-{number:010x}",
        model_version=number,
        passed=passed,
        why="gate passed for weighted" if passed else "words falls 0.0712 behind the champion, allowed: 0.05",
        margins={
            "floor": 0.6 + 0.02 * wave,
            "champion": 0.021 + 0.006 * wave,
            "champion_per_kind": -0.0212 if not passed else 0.018 + 0.01 * wave,
            "enough_queries": 52.0,
            "finite_figures": 0.0,
        },
    )


def _scheduler(now: datetime) -> Scheduler:
    night = now.replace(hour=2, minute=30)
    runs = [
        RunRow("watch", "SUCCESS", now - timedelta(minutes=45), now - timedelta(minutes=44)),
        RunRow("refresh", "SUCCESS", night, night + timedelta(minutes=11), "every night"),
        RunRow(
            "refresh",
            "FAILURE",
            night - timedelta(hours=9),
            night - timedelta(hours=8.9),
            "embedding drift in image, PSI 0.31 > 0.25",
        ),
    ]
    ticks = [
        ScheduledRun("hourly", "watch", now + timedelta(minutes=15)),
        ScheduledRun("nightly", "refresh", night + timedelta(days=1)),
    ]
    return Scheduler(runs, ticks, alive=True)
