"""Somebody who watches the work, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mmsearch_dagster.core.progress import PROGRESS


@dataclass
class Recorded:
    """A Progress that remembers what it was told: (what, stage, number or note)."""

    events: list[tuple[str, str, int | str]] = field(default_factory=list)

    def start(self, stage: str, total: int) -> None:
        self.events.append(("start", stage, total))

    def advance(self, stage: str, items: int) -> None:
        self.events.append(("advance", stage, items))

    def finish(self, stage: str, note: str = "") -> None:
        self.events.append(("finish", stage, note))

    def of(self, what: str) -> list[int | str]:
        """The numbers or notes of all events of one sort."""
        return [value for sort, _, value in self.events if sort == what]


@contextmanager
def recorded() -> Iterator[Recorded]:
    """Watches this thread's work inside the block."""
    watcher = Recorded()
    token = PROGRESS.set(watcher)
    try:
        yield watcher
    finally:
        PROGRESS.reset(token)
