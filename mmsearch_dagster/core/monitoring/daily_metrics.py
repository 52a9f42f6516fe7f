"""What one day brought: the record that is kept of it, a file per day."""

import math
from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.labels.provenance import Provenance, provenance_phrase

GateAction = Literal["promotion", "rejection"]


class GateResult(BaseModel):
    """One model version that was released or refused.

    when: ISO, UTC. margins: rule -> distance to its limit, in the rule's unit, below 0 where the rule failed.
    """

    model_config = ConfigDict(frozen=True)

    when: str
    release_id: str
    model_version: int
    passed: bool
    why: str
    margins: dict[str, float] = {}


class Rollback(BaseModel):
    """A move of the pointer back to an earlier release."""

    model_config = ConfigDict(frozen=True)

    when: str
    release_id: str
    why: str


class DriftResult(BaseModel):
    """What a monitor saw. fine: None where it cannot judge. level: the worst figure over its bound."""

    model_config = ConfigDict(frozen=True)

    monitor: str
    fine: bool | None
    sentence: str
    level: float | None = None


class QuarantineResult(BaseModel):
    """Rows of a table that were kept, and broken ones."""

    model_config = ConfigDict(frozen=True)

    table: str
    kept: int
    quarantined: int

    @property
    def share(self) -> float:
        """Of the broken rows, 0 to 1."""
        return self.quarantined / max(self.kept + self.quarantined, 1)


class SearchResult(BaseModel):
    """What people did on one day. Shares of the searches, 0 to 1."""

    model_config = ConfigDict(frozen=True)

    searches: int
    with_click: float
    with_purchase: float
    without_results: float


class HomeState(BaseModel):
    """What could only be seen on the day itself.

    release: what answered at the end of the day. released_at: since when, ISO. quality: kind of query -> mean
    of `metric` on the validation queries. provenance: how the answers to these are known. waiting: releases
    that passed the gate and wait for a review.
    """

    model_config = ConfigDict(frozen=True)

    release: str | None = None
    model_version: int | None = None
    released_at: str | None = None
    metric: str | None = None
    quality: dict[str, float] = {}
    provenance: Provenance | None = None
    drift: tuple[DriftResult, ...] = ()
    quarantine: tuple[QuarantineResult, ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def measured_on(self) -> str:
        """The queries that `quality` is about, in words."""
        judged = f" {provenance_phrase(self.provenance)}" if self.provenance else ""
        return f"validation queries{judged}"


class DailyMetrics(BaseModel):
    """One day of a home. collected: ISO, UTC. state: None for a day on which nobody looked.

    searches: None where the log has none of that day.
    """

    model_config = ConfigDict(frozen=True)

    day: date
    collected: str
    state: HomeState | None = None
    gates: tuple[GateResult, ...] = ()
    rollbacks: tuple[Rollback, ...] = ()
    searches: SearchResult | None = None


def margins_of(decision: Decision | None) -> dict[str, float]:
    """Rule -> how far its figure is from its limit: above 0 where the rule holds, below where it does not.

    Rules of which a figure is no number, and those that cannot tell, have no margin.
    """
    if decision is None:
        return {}
    return {
        reason.rule: round(math.copysign(abs(reason.figure - reason.limit), 1 if reason.passed else -1), 6)
        for reason in decision.reasons
        if not reason.cannot_tell and math.isfinite(reason.figure) and math.isfinite(reason.limit)
    }


def of_day(when: str, day: date) -> bool:
    """Whether a moment (ISO) lies on that day, in UTC."""
    return datetime.fromisoformat(when).date() == day
