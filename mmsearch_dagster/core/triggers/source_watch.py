"""Which files of a shop changed: by size and time first, then by content, once nobody writes to them.

A folder of media and a table of a database are watched like files: their digest stands for the content.

The state is a small JSON document; whoever keeps it may be killed at any time: the same files give the same
answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict

from mmsearch_dagster.core.digest import digest_of


class FileStamp(BaseModel):
    """What a look costs nothing to see.

    size: bytes of a file, files of a folder, rows of a table. digest: of a folder's list of files or of a
    table's newest row; empty for a file, whose content is read where the rest differs.
    """

    model_config = ConfigDict(frozen=True)

    size: int
    modified_ns: int = 0
    digest: str = ""


class SeenFile(BaseModel):
    """A file as it was handed on. content: digest of its bytes."""

    model_config = ConfigDict(frozen=True)

    stamp: FileStamp
    content: str


class UnsettledFile(BaseModel):
    """A file that differs. stamp: as last seen, None where it is gone. since: seen so for the first time.
    content: digest of its bytes, once it stopped growing."""

    model_config = ConfigDict(frozen=True)

    stamp: FileStamp | None
    since: datetime
    content: str | None = None


class TableLook(BaseModel):
    """The last look at a table of a database. at: of the look. stamp: None where there never was an answer.
    problem: why the look gave nothing, empty where it did. momentary: it may pass."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    stamp: FileStamp | None = None
    problem: str = ""
    momentary: bool = False

    def is_due(self, now: datetime, every: timedelta) -> bool:
        """Whether it is time for the next look; a problem that may pass is not waited with."""
        return (bool(self.problem) and self.momentary) or not timedelta() <= now - self.at < every


class WatchState(BaseModel):
    """What a watch remembers. files: as handed on. unsettled: those that differ. number: changes so far.
    tables: the last look at each table of a database."""

    model_config = ConfigDict(frozen=True)

    files: dict[str, SeenFile] = {}
    unsettled: dict[str, UnsettledFile] = {}
    number: int = 0
    tables: dict[str, TableLook] = {}

    def following(self, stamps: Mapping[str, FileStamp]) -> Self:
        """The state that knows these folders and tables and no others: that one comes to be watched, or is
        not watched any more, is no change.

        Args:
            stamps: name -> stamp; each has a digest.
        """
        kept = {name: file for name, file in self.files.items() if not file.stamp.digest or name in stamps}
        new = {
            name: SeenFile(stamp=stamp, content=stamp.digest)
            for name, stamp in stamps.items()
            if name not in kept
        }
        return self.model_copy(update={"files": {**kept, **new}})

    @property
    def key(self) -> str:
        """Names the change: a file that goes back to what it was has changed again."""
        contents = {path: file.content for path, file in self.unsettled.items()}
        return f"{self.number}-{digest_of(contents)}"

    @property
    def since(self) -> datetime | None:
        """When the last of the files that differ stopped changing."""
        return max((file.since for file in self.unsettled.values()), default=None)

    def accepted(self) -> Self:
        """The state once the change was handed on."""
        files = {path: file for path, file in self.files.items() if path not in self.unsettled}
        files |= {
            path: SeenFile(stamp=file.stamp, content=file.content or "")
            for path, file in self.unsettled.items()
            if file.stamp is not None
        }
        return self.model_copy(update={"files": files, "unsettled": {}, "number": self.number + 1})


@dataclass(frozen=True)
class SourceLook:
    """state: to be remembered. changed: a sentence for each file; empty while some are written to. waiting:
    files that are written to, or were a moment ago. problems: a sentence for what could not be looked at."""

    state: WatchState
    changed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def look(
    state: WatchState | None,
    now: datetime,
    stamps: Mapping[str, FileStamp],
    *,
    content: Callable[[str], str],
    settle: timedelta,
) -> SourceLook:
    """Compares the files of now with those that were handed on.

    Args:
        state: what the last look returned; None at the first, which hands nothing on.
        now: the time of this look.
        stamps: path -> stamp of each file that is there.
        content: digest of a file's bytes; asked only where its stamp changed and has settled.
        settle: so long a file has to stay as it is.

    Returns:
        The new state, and what changed. The change is reported again until `accepted`.
    """
    if state is None:
        files = {path: SeenFile(stamp=stamp, content=content(path)) for path, stamp in stamps.items()}
        return SourceLook(WatchState(files=files))
    differing = [
        path
        for path in sorted({*state.files, *stamps})
        if stamps.get(path) != (state.files[path].stamp if path in state.files else None)
    ]
    unsettled = {path: _seen(state.unsettled.get(path), stamps.get(path), now) for path in differing}
    waiting = tuple(path for path, file in unsettled.items() if now - file.since < settle)
    if waiting:
        return SourceLook(state.model_copy(update={"unsettled": unsettled}), waiting=waiting)
    return _settled(state, unsettled, content)


def _seen(before: UnsettledFile | None, stamp: FileStamp | None, now: datetime) -> UnsettledFile:
    """The entry goes on where the file is as it was; a clock that was set back begins anew."""
    if before is not None and before.stamp == stamp and before.since <= now:
        return before
    return UnsettledFile(stamp=stamp, since=now)


def _settled(
    state: WatchState, unsettled: Mapping[str, UnsettledFile], content: Callable[[str], str]
) -> SourceLook:
    """What really changed: a file that was only touched has not."""
    files, changed = dict(state.files), {}
    for path, file in unsettled.items():
        digest = file.content or (content(path) if file.stamp is not None else "")
        if file.stamp is not None and path in files and files[path].content == digest:
            files[path] = SeenFile(stamp=file.stamp, content=digest)
        else:
            changed[path] = file.model_copy(update={"content": digest})
    texts = tuple(_text(path, files.get(path), file) for path, file in changed.items())
    return SourceLook(state.model_copy(update={"files": files, "unsettled": changed}), changed=texts)


def _text(path: str, before: SeenFile | None, file: UnsettledFile) -> str:
    if file.stamp is None:
        return f"{path} is gone"
    if before is None:
        return f"{path} is new"
    was, now = before.stamp.size, file.stamp.size
    counts = f" ({was:,} entries, now {now:,})" if file.stamp.digest and was != now else ""
    return f"{path} changed{counts}"
