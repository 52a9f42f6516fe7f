"""The state of a home in one record, and the short text of it: `mmsearch status`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mmsearch_dagster.core.monitoring.daily_metrics import (
    DailyMetrics,
    DriftResult,
    GateResult,
    HomeState,
    SearchResult,
)

_SUCCESS, _FAILURE = "SUCCESS", "FAILURE"


@dataclass(frozen=True)
class RunRow:
    """A run of Dagster. status: SUCCESS, FAILURE, STARTED, ... reason: why it was launched, if it says so."""

    job: str
    status: str
    started: datetime | None
    ended: datetime | None
    reason: str = ""

    @property
    def mood(self) -> str:
        """`good`, `bad` or `quiet`, for its colour."""
        return {_SUCCESS: "good", _FAILURE: "bad"}.get(self.status, "quiet")

    @property
    def outcome(self) -> str:
        """What became of it, in a word."""
        return {_SUCCESS: "succeeded", _FAILURE: "failed"}.get(self.status, self.status.lower())

    @property
    def minutes(self) -> float | None:
        """How long it took; None where it has not begun or not ended."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started).total_seconds() / 60


@dataclass(frozen=True)
class ScheduledRun:
    """When a schedule comes next, in UTC."""

    name: str
    job: str
    next_tick: datetime


@dataclass(frozen=True)
class Scheduler:
    """Dagster's side of a home, newest run first. alive: whether its daemon gave a sign of life."""

    runs: Sequence[RunRow] = ()
    schedules: Sequence[ScheduledRun] = ()
    alive: bool = False


@dataclass(frozen=True)
class Status:
    """All that the page and the text show. days, gates: oldest first. warning: of what is served."""

    home: str
    now: datetime
    state: HomeState
    days: Sequence[DailyMetrics]
    gates: Sequence[GateResult]
    scheduler: Scheduler
    warning: str | None = None

    @property
    def refused(self) -> GateResult | None:
        """The newest decision of the gate, where it was a refusal."""
        return self.gates[-1] if self.gates and not self.gates[-1].passed else None

    @property
    def drifting(self) -> list[DriftResult]:
        """Monitors that are not fine."""
        return [result for result in self.state.drift if result.fine is False]

    @property
    def last_searches(self) -> tuple[DailyMetrics, SearchResult] | None:
        """The newest day with searches."""
        return next(((day, day.searches) for day in reversed(self.days) if day.searches), None)

    @property
    def headline(self) -> tuple[str, str]:
        """A mood (`good`, `bad`, `quiet`) and one sentence."""
        failed = self.scheduler.runs[0] if self.scheduler.runs else None
        if self.state.waiting:
            return "quiet", f"{', '.join(self.state.waiting)} waits for a review: `mmsearch approve`."
        if self.state.release is None:
            return "quiet", "Nothing was released yet."
        if self.warning:
            return "bad", f"Look at the release: {self.warning}"
        if failed is not None and failed.mood == "bad" and not self.refused:
            return "bad", f"The last run of {failed.job} failed; {self.state.release} goes on answering."
        if self.refused:
            return "bad", f"The newest model was refused; {self.state.release} goes on answering."
        if self.drifting:
            return "bad", f"Drift: {'; '.join(result.sentence for result in self.drifting)}."
        return "good", f"All is well: {self.state.release} answers."


def ago(moment: datetime, now: datetime) -> str:
    """How long before `now`, in words.

    >>> ago(datetime(2026, 5, 1, 10, tzinfo=UTC), datetime(2026, 5, 3, 11, tzinfo=UTC))
    '2 days ago'
    """
    return f"{_span((now - moment).total_seconds())} ago"


def ahead(moment: datetime, now: datetime) -> str:
    """How long after `now`, in words.

    >>> ahead(datetime(2026, 5, 1, 10, 20, tzinfo=UTC), datetime(2026, 5, 1, 10, tzinfo=UTC))
    'in 20 minutes'
    """
    return f"in {_span((moment - now).total_seconds())}"


def _span(seconds: float) -> str:
    for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def status_lines(status: Status) -> Iterator[str]:
    """The home's state in a dozen lines of plain text."""
    yield status.headline[1]
    yield from _release_lines(status)
    if status.gates:
        last = status.gates[-1]
        answer = "released" if last.passed else "refused"
        yield f"Gate:       {last.release_id} {answer}, {last.when}: {last.why}"
    for result in status.state.drift:
        yield f"Drift:      {result.monitor}: {_verdict(result)}, {result.sentence}"
    for table in status.state.quarantine:
        yield f"Quarantine: {table.table}: {table.quarantined:,} of {table.kept + table.quarantined:,} rows"
    if status.last_searches:
        day, searches = status.last_searches
        yield (
            f"Searches:   {searches.searches:,} on {day.day}, {searches.with_click:.0%} with a click, "
            f"{searches.without_results:.0%} without results"
        )
    yield from _scheduler_lines(status)


def _release_lines(status: Status) -> Iterator[str]:
    state = status.state
    if state.release is None:
        return
    since = ""
    if state.released_at:
        since = f", released {ago(datetime.fromisoformat(state.released_at), status.now)}"
    yield f"Release:    {state.release} (model version {state.model_version}){since}"
    if state.quality:
        kinds = ", ".join(f"{kind} {value:.3f}" for kind, value in state.quality.items())
        yield f"Quality:    {kinds} ({state.metric} on {state.measured_on})"


def _verdict(result: DriftResult) -> str:
    return {True: "fine", False: "look here", None: "no verdict"}[result.fine]


def _scheduler_lines(status: Status) -> Iterator[str]:
    scheduler = status.scheduler
    for run in scheduler.runs[:3]:
        when = f", {ago(run.started, status.now)}" if run.started else ""
        yield f"Run:        {run.job} {run.outcome}{when}{f', {run.reason}' if run.reason else ''}"
    if scheduler.schedules:
        first = min(scheduler.schedules, key=lambda each: each.next_tick)
        when = f"{first.next_tick.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {ahead(first.next_tick, status.now)}"
        yield f"Next:       {first.name}, {when}{'' if scheduler.alive else _ASLEEP}"


_ASLEEP = "; but no scheduler is at work: `mmsearch up` starts one"
