"""The protocol of a progress reporter: how long work reports, without knowing who shows it."""

from contextvars import ContextVar
from typing import Protocol


class Progress(Protocol):
    """A stage announces its size once and then each batch that is done."""

    def start(self, stage: str, total: int) -> None:
        """Begin `stage` with `total` items to do (0 when it is not known)."""
        ...

    def advance(self, stage: str, items: int) -> None:
        """`items` more are done."""
        ...

    def finish(self, stage: str, note: str = "") -> None:
        """`stage` is over; `note` is one line for a person."""
        ...


class Silent:
    """Shows nothing; the default where nobody shows progress."""

    def start(self, stage: str, total: int) -> None: ...

    def advance(self, stage: str, items: int) -> None: ...

    def finish(self, stage: str, note: str = "") -> None: ...


# Where work of this thread reports its progress. Dagster resources carry configuration only, so a live
# display reaches the steps of an in-process run this way.
PROGRESS: ContextVar[Progress] = ContextVar("progress", default=Silent())  # noqa: B039 (it has no state)
