"""The trigger policy: whether an event starts a run now, by history, policy and evidence.

The clock is an argument: the same history and evidence always give the same decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from mmsearch_dagster.core.config_file import parse_reviewed

SOURCE, DRIFT = "source", "drift"
_DAY = timedelta(days=1)


class SourceTrigger(BaseModel):
    """settle_seconds: a file that did not change for so long has been written to its end.
    database_minutes: between two looks at a table of a database."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    enabled: bool = True
    cool_down_minutes: int = Field(default=10, ge=0)
    settle_seconds: int = Field(default=60, ge=0)
    database_minutes: int = Field(default=5, ge=0)


class DriftTrigger(BaseModel):
    """cool_down_minutes: between two trainings that drift started."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    enabled: bool = True
    cool_down_minutes: int = Field(default=720, ge=0)


class TriggerPolicy(BaseModel):
    """What may start a run by itself, beside the schedules.

    retrainings_per_day: in any 24 hours, those of schedules and people counted too; a trigger starts no
    training beyond it. A changed source is then published without a training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    retrainings_per_day: int = Field(default=4, ge=0)
    source: SourceTrigger = SourceTrigger()
    drift: DriftTrigger = DriftTrigger()

    def cool_down(self, trigger: str) -> timedelta:
        """The time between two runs of a trigger."""
        part = self.source if trigger == SOURCE else self.drift
        return timedelta(minutes=part.cool_down_minutes)

    def enabled(self, trigger: str) -> bool:
        """Whether a trigger may start anything."""
        return (self.source if trigger == SOURCE else self.drift).enabled


def parse_triggers(text: str, where: str) -> TriggerPolicy:
    """The policy in a YAML text. Raises ConfigError naming `where`."""
    return parse_reviewed(TriggerPolicy, text, where, what="trigger policy")


@dataclass(frozen=True)
class Evidence:
    """Something that happened.

    trigger: SOURCE or DRIFT. key: the same for the same event. text: for people. since: a refresh that began
    later has seen it already; None where none can have.
    """

    trigger: str
    key: str
    text: str
    since: datetime | None = None


@dataclass(frozen=True)
class PastRun:
    """A refresh that was started. trigger, key: of its evidence, empty where a schedule or a person started
    it. trained: whether models were trained in it, or will be."""

    at: datetime
    trigger: str = ""
    key: str = ""
    trained: bool = False


@dataclass(frozen=True)
class TriggerDecision:
    """launch: start a refresh. retrain: in any case; hold: why it must not train, empty where it may.
    answered: the evidence needs no other look. why: the explanation on the run, or why there is none.
    """

    launch: bool
    answered: bool
    why: str
    retrain: bool = False
    hold: str = ""


def decide(
    now: datetime, history: Sequence[PastRun], policy: TriggerPolicy, evidence: Evidence
) -> TriggerDecision:
    """Whether the evidence starts a run.

    Args:
        now: the time of the decision, with its zone.
        history: refreshes of at least the last day, in any order.
        policy: assets/policies/triggers.yaml.
        evidence: what happened.

    Returns:
        The decision with its reason.
    """
    refusal = _already(history, evidence) or _not_now(now, history, policy, evidence)
    if refusal is not None:
        return refusal
    used_up = _used_up(now, history, policy)
    if evidence.trigger == DRIFT:
        if used_up:
            return TriggerDecision(launch=False, answered=False, why=f"{evidence.text}: {used_up}")
        return TriggerDecision(launch=True, answered=True, why=evidence.text, retrain=True)
    return TriggerDecision(launch=True, answered=True, why=evidence.text, hold=used_up)


def _already(history: Sequence[PastRun], evidence: Evidence) -> TriggerDecision | None:
    """Where a run answered it: nothing is started twice for the same reason."""
    for run in history:
        if (run.trigger, run.key) == (evidence.trigger, evidence.key):
            why = f"{evidence.text}: the run of {_moment(run.at)} was started for it"
        elif evidence.since is not None and run.at >= evidence.since:
            why = f"{evidence.text}: the run of {_moment(run.at)} began later"
        else:
            continue
        return TriggerDecision(launch=False, answered=True, why=why)
    return None


def _not_now(
    now: datetime, history: Sequence[PastRun], policy: TriggerPolicy, evidence: Evidence
) -> TriggerDecision | None:
    """Where the trigger is off or cools down. A run of the future, before a clock was set back, is none."""
    if not policy.enabled(evidence.trigger):
        return TriggerDecision(launch=False, answered=False, why=f"trigger {evidence.trigger} is off")
    cool_down = policy.cool_down(evidence.trigger)
    recent = [
        run.at
        for run in history
        if run.trigger == evidence.trigger and timedelta() <= now - run.at < cool_down
    ]
    if not recent:
        return None
    until = _moment(max(recent) + cool_down)
    return TriggerDecision(launch=False, answered=False, why=f"{evidence.text}: waits until {until}")


def _used_up(now: datetime, history: Sequence[PastRun], policy: TriggerPolicy) -> str:
    """Why nothing more may be trained; empty where it may."""
    trained = sum(run.trained and now - run.at < _DAY for run in history)
    if trained < policy.retrainings_per_day:
        return ""
    return f"{trained} trainings in 24 hours, the policy allows {policy.retrainings_per_day}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
