"""One line of the report: ours against theirs, both measured in turns in the same run."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """ours / theirs against a target.

    at_least: the target is a floor (speed); otherwise it is a ceiling (cost).
    per_round: the ratio of each round, so a reader sees how noisy the machine was.
    """

    what: str
    unit: str
    ours: float
    theirs: float
    target: float
    at_least: bool
    per_round: tuple[float, ...]
    note: str = ""

    @property
    def value(self) -> float:
        return self.ours / self.theirs

    @property
    def met(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target

    def as_json(self) -> dict[str, Any]:
        """Every figure, rounded to what a run can tell."""
        return {
            "what": self.what,
            "unit": self.unit,
            "ours": round(self.ours, 4),
            "theirs": round(self.theirs, 4),
            "ratio": round(self.value, 4),
            "target": self.target,
            "target is": "at least" if self.at_least else "at most",
            "met": self.met,
            "per round": [round(one, 4) for one in self.per_round],
            "note": self.note,
        }


def in_turns(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender per round, in the order A B C, A B C: a slow minute hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            began = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def speed(
    what: str, items: int, ours: list[float], theirs: list[float], *, target: float, note: str = ""
) -> Ratio:
    """Items per second of both, each by its median round."""
    return Ratio(
        what=what,
        unit="items/s",
        ours=items / median(ours),
        theirs=items / median(theirs),
        target=target,
        at_least=True,
        per_round=tuple(b / a for a, b in zip(ours, theirs, strict=True)),
        note=note,
    )


def cost(
    what: str, unit: str, ours: list[float], theirs: list[float], *, target: float, note: str = ""
) -> Ratio:
    """What both cost, each by its median round."""
    return Ratio(
        what=what,
        unit=unit,
        ours=median(ours),
        theirs=median(theirs),
        target=target,
        at_least=False,
        per_round=tuple(a / b for a, b in zip(ours, theirs, strict=True)),
        note=note,
    )
