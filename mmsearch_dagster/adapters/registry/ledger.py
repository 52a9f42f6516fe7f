"""The ledger: one line of JSON for each thing that was decided about a release, never rewritten."""

import getpass
import logging
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from mmsearch_dagster.adapters.host.clock import utc_clock
from mmsearch_dagster.core.clock import Clock, timestamp

# waiting: a release that passed waits for a reviewer. restoration: a pointer that somebody's hand moved or
# removed was put back.
Action = Literal["promotion", "rejection", "approval", "rollback", "waiting", "restoration"]
# The actions that move the release pointer.
MOVES: tuple[Action, ...] = ("promotion", "rollback", "restoration")
Figure = float | int | str | bool | None

# What 0.1.0 wrote as the reason of a move that it had not made itself; it had no field for that.
_FORMER_BY_HAND = "the pointer was moved outside mmsearch"

_log = logging.getLogger(__name__)


class LedgerLine(BaseModel):
    """One thing that was done: when (ISO, UTC), who, what, to which release, why, on what figures.

    why is for people. by_hand: the pointer was found there; no gate had let it pass.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    when: str
    who: str
    action: Action
    release_id: str
    model_version: int
    why: str
    figures: dict[str, Figure] = {}
    by_hand: bool = False

    @model_validator(mode="before")
    @classmethod
    def _read_former(cls, line: Any) -> Any:
        """Lines of 0.1.0 have no `by_hand`."""
        if isinstance(line, dict) and "by_hand" not in line:
            return {**line, "by_hand": line.get("why") == _FORMER_BY_HAND}
        return line


def current_user() -> str:
    """Login name; containers often have none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _before(time: str, other: str) -> bool:
    """Whether one time is before another; False for what is no time."""
    try:
        return datetime.fromisoformat(time) < datetime.fromisoformat(other)
    except (ValueError, TypeError):
        return False


class Ledger:
    """An append-only file of JSON lines.

    A line is one write in append mode, followed by fsync, so concurrent writers do not mix and a line that
    was reported as written survives a crash. A line torn by a kill is skipped by readers and closed with a
    newline by the next writer.
    """

    def __init__(
        self, path: Path, *, clock: Clock = utc_clock, user: Callable[[], str] = current_user
    ) -> None:
        self._path, self._clock, self._user = path, clock, user

    def append(
        self,
        action: Action,
        *,
        release_id: str,
        model_version: int,
        why: str,
        figures: Mapping[str, Figure] | None = None,
        by_hand: bool = False,
        who: str | None = None,
    ) -> LedgerLine:
        """Write one line and return it once it is on disk.

        who: None for the user of this process. A line is never dated before the one above it: where the clock
        was set back it bears that one's time, and a warning says so.
        """
        line = LedgerLine(
            when=self._now(),
            who=who or self._user(),
            action=action,
            release_id=release_id,
            model_version=model_version,
            why=why,
            figures=dict(figures or {}),
            by_hand=by_hand,
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            opening = b"" if self._ends_whole(handle) else b"\n"
            os.write(handle, opening + line.model_dump_json().encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        return line

    def lines(self) -> list[LedgerLine]:
        """Every whole line, oldest first; empty when nothing was ever written."""
        if not self._path.exists():
            return []
        lines = []
        for number, text in enumerate(self._path.read_bytes().split(b"\n"), start=1):
            if not text.strip():
                continue
            try:
                lines.append(LedgerLine.model_validate_json(text))
            except ValidationError:
                _log.warning("%s, line %d is torn and skipped", self._path, number)
        return lines

    def last_move(self) -> LedgerLine | None:
        """The newest line that says the pointer moved."""
        return next((line for line in reversed(self.lines()) if line.action in MOVES), None)

    def moved_to(self, model_version: int) -> bool:
        """Whether the newest move led to this version, by the gate or by a rollback and not by hand."""
        last = self.last_move()
        return last is not None and last.model_version == model_version and not last.by_hand

    def _now(self) -> str:
        now, lines = timestamp(self._clock()), self.lines()
        last = lines[-1].when if lines else ""
        if not _before(now, last):
            return now
        _log.warning(
            "the clock of this machine says %s, but the ledger's last line is of %s: the clock was set back, "
            "and the new line bears the later time",
            now,
            last,
        )
        return last

    @staticmethod
    def _ends_whole(handle: int) -> bool:
        size = os.lseek(handle, 0, os.SEEK_END)
        if size == 0:
            return True
        os.lseek(handle, size - 1, os.SEEK_SET)
        return os.read(handle, 1) == b"\n"
