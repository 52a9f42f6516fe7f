"""Which alerts a state of a home gives, and which of them are due."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mmsearch_dagster.core.monitoring.alert_policy import AlertPolicy
from mmsearch_dagster.core.monitoring.daily_metrics import DailyMetrics, GateResult, HomeState

AlertKind = Literal["failed_run", "refused_model", "drift", "quarantine", "stale_release"]
# Sink -> key of an alert -> when it was sent last, ISO.
SentTimes = Mapping[str, Mapping[str, str]]


class FailedRun(BaseModel):
    """A run that failed. reason: for people, without anything that a file or an environment keeps secret.

    refused: the gate stopped it, nothing is broken.
    """

    model_config = ConfigDict(frozen=True)

    job: str
    reason: str
    run_id: str = ""
    refused: bool = False


class Alert(BaseModel):
    """What a sink sends. key: the same for the same trouble. title: one line; text: what to know and do."""

    model_config = ConfigDict(frozen=True)

    kind: AlertKind
    key: str
    title: str
    text: str
    when: str


def alerts_of(
    day: DailyMetrics, policy: AlertPolicy, now: datetime, failed: FailedRun | None = None
) -> Iterator[Alert]:
    """The alerts that today's figures give under a policy.

    Args:
        day: today.
        policy: which events count.
        now: with its time zone.
        failed: the run that has just failed.
    """
    events, when = policy.events, now.astimezone(UTC).isoformat(timespec="seconds")
    refused = day.gates[-1] if day.gates and not day.gates[-1].passed else None
    if failed is not None and not failed.refused and events.failed_run:
        text = f"{failed.reason}{f' (run {failed.run_id})' if failed.run_id else ''}"
        title = f"The run of {failed.job} failed"
        yield Alert(
            kind="failed_run", key=f"{failed.job}: {failed.reason}", title=title, text=text, when=when
        )
    if refused is not None and events.refused_model:
        yield _refusal(refused, day.state, when)
    if day.state is not None:
        yield from _state_alerts(day.state, policy, now, when)


def _refusal(gate: GateResult, state: HomeState | None, when: str) -> Alert:
    served = f" {state.release} goes on answering." if state and state.release else ""
    return Alert(
        kind="refused_model",
        key=gate.release_id,
        title=f"The gate refused {gate.release_id}",
        text=f"{gate.why}.{served}",
        when=when,
    )


def _state_alerts(state: HomeState, policy: AlertPolicy, now: datetime, when: str) -> Iterator[Alert]:
    events = policy.events
    for result in state.drift if events.drift else ():
        if result.fine is False:
            title = f"{result.monitor.replace('_', ' ')} is outside its bounds"
            yield Alert(kind="drift", key=result.monitor, title=title, text=result.sentence, when=when)
    limit = events.quarantine_share
    for table in state.quarantine if limit is not None else ():
        if limit is not None and table.share > limit:
            rows = f"{table.quarantined:,} of {table.kept + table.quarantined:,} rows are broken"
            bound = f"{table.share:.1%}, the policy warns above {limit:.1%}"
            text = f"{rows} ({bound}): `mmsearch quarantine {table.table}`"
            title = f"Many rows of {table.table} are in quarantine"
            yield Alert(kind="quarantine", key=table.table, title=title, text=text, when=when)
    yield from _stale(state, events.stale_release_days, now, when)


def _stale(state: HomeState, days: float | None, now: datetime, when: str) -> Iterator[Alert]:
    if days is None or state.release is None or state.released_at is None:
        return
    age = now - datetime.fromisoformat(state.released_at)
    if age > timedelta(days=days):
        text = f"it was released {age.days} days ago, the policy warns after {days:g}"
        title = f"{state.release} is old"
        yield Alert(kind="stale_release", key=state.release, title=title, text=text, when=when)


def is_due(alert: Alert, sent: Mapping[str, str], now: datetime, cool_down_hours: float) -> bool:
    """Whether a sink that sent these alerts (key -> ISO time) is to send this one.

    A time after `now` counts as none: somebody set the clock back.
    """
    last = sent.get(f"{alert.kind}: {alert.key}")
    if last is None:
        return True
    age = now - datetime.fromisoformat(last)
    return age < timedelta(0) or age >= timedelta(hours=cool_down_hours)


def with_sent(sent: Mapping[str, str], alert: Alert, now: datetime, cool_down_hours: float) -> dict[str, str]:
    """The times of a sink after it sent `alert`; those that no cool-down reads any more are dropped."""
    since = now - timedelta(hours=cool_down_hours)
    kept = {key: when for key, when in sent.items() if datetime.fromisoformat(when) > since}
    return {**kept, f"{alert.kind}: {alert.key}": now.astimezone(UTC).isoformat(timespec="seconds")}
