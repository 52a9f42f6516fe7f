"""The files of the shop as the source trigger watches them."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from mmsearch_dagster.core.catalog.source_mapping import parse_source
from mmsearch_dagster.core.monitoring.source_watch import FileStamp, SourceLook, WatchState, look
from mmsearch_dagster.core.monitoring.triggers import SOURCE, Evidence
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import read_reviewed

# A look must not take minutes: of a larger file the size and the time are believed.
_LARGEST = 1 << 30
_CHUNK = 1 << 20
_SHOWN = 5


def look_at_source(workspace: Workspace, cursor: str | None, now: datetime) -> SourceLook:
    """What changed in the shop's files since the cursor.

    Args:
        workspace: its settings name the source; nothing of it is opened.
        cursor: the state of the last look as JSON; None at the first.
        now: the time of this look.

    Returns:
        The look; its state is the next cursor, or `state.accepted()` once the change was handed on.

    Raises:
        MmsearchError: the mapping cannot be read, as while somebody writes to it.
        OSError: a file cannot be read.
    """
    state = WatchState.model_validate_json(cursor) if cursor else None
    files = {path.name if path.parent == _root(workspace) else str(path): path for path in _files(workspace)}
    stamps = {name: stamp for name, path in files.items() if (stamp := _stamp(path)) is not None}
    settle = timedelta(seconds=workspace.trigger_policy.source.settle_seconds)
    return look(state, now, stamps, content=lambda name: _content(files[name]), settle=settle)


def evidence_of(looked: SourceLook) -> Evidence | None:
    """What a trigger is to know; None where nothing changed or something is still written to."""
    if not looked.changed:
        return None
    shown, more = looked.changed[:_SHOWN], len(looked.changed) - _SHOWN
    text = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    return Evidence(SOURCE, looked.state.key, text, since=looked.state.since)


def calm(looked: SourceLook) -> str:
    """Why a look starts nothing."""
    if looked.waiting:
        return f"waits until nobody writes to {', '.join(looked.waiting[:_SHOWN])}"
    return f"nothing changed in {len(looked.state.files)} files of the shop"


def _root(workspace: Workspace) -> Path | None:
    settings = workspace.settings
    return settings.root or (settings.source.parent if settings.source else None)


def _files(workspace: Workspace) -> Iterator[Path]:
    """The mapping and the files of its tables. None of the sample store, nor rows of databases."""
    source, root = workspace.settings.source, _root(workspace)
    if source is None or root is None:
        return
    yield source
    for files in parse_source(read_reviewed(source, "source file"), str(source)).tables.values():
        for file in files:
            yield from (root / each.path for each in (file, *file.joins) if not each.is_copied)


def _stamp(path: Path) -> FileStamp | None:
    """None where there is no such file."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileStamp(size=status.st_size, modified_ns=status.st_mtime_ns)


def _content(path: Path) -> str:
    status = path.stat()
    if status.st_size > _LARGEST:
        return f"{status.st_size}-{status.st_mtime_ns}"
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
