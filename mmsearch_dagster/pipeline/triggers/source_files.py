"""What the source trigger watches of the shop: files, folders of media, tables of databases."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from mmsearch_dagster.core.catalog.mapping.file import DATABASE
from mmsearch_dagster.core.catalog.mapping.remote_media import is_address
from mmsearch_dagster.core.catalog.mapping.source_mapping import parse_source
from mmsearch_dagster.core.triggers.source_watch import (
    FileStamp,
    SourceLook,
    TableLook,
    WatchState,
    look,
)
from mmsearch_dagster.core.triggers.triggers import SOURCE, Evidence
from mmsearch_dagster.pipeline.triggers.database_tables import look_at_tables
from mmsearch_dagster.pipeline.triggers.media_folders import media_stamps
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import read_reviewed

# A look must not take minutes: of a larger file the size and the time are believed.
_LARGEST = 1 << 30
_CHUNK = 1 << 20
_SHOWN = 5


def look_at_source(workspace: Workspace, cursor: str | None, now: datetime) -> SourceLook:
    """What changed in the shop since the cursor: tables' files, folders of media, tables of databases.

    Args:
        workspace: its settings name the source.
        cursor: the state of the last look as JSON; None at the first.
        now: the time of this look.

    Returns:
        The look; its state is the next cursor, or `state.accepted()` once the change was handed on.

    Raises:
        MmsearchError: the mapping cannot be read, as while somebody writes to it.
        OSError: a file cannot be read.
    """
    state, policy = (
        WatchState.model_validate_json(cursor) if cursor else None,
        workspace.trigger_policy.source,
    )
    files, databases = _files(workspace)
    stamps = {name: stamp for name, path in files.items() if (stamp := _stamp(path)) is not None}
    every = timedelta(minutes=policy.database_minutes)
    tables = look_at_tables(databases, state.tables if state else {}, now, every)
    digested, problems = _digested(workspace, state, tables)

    def content(name: str) -> str:
        return digested[name].digest if name in digested else _content(files[name])

    followed = state.following(digested) if state else None
    settle = timedelta(seconds=policy.settle_seconds)
    looked = look(followed, now, {**stamps, **digested}, content=content, settle=settle)
    remembered = looked.state.model_copy(update={"tables": tables})
    return replace(looked, state=remembered, problems=tuple(problems))


def _digested(
    workspace: Workspace, state: WatchState | None, tables: Mapping[str, TableLook]
) -> tuple[dict[str, FileStamp], list[str]]:
    """Stamps of folders and tables, and what could not be looked at: that is taken to be as it was."""
    root = _root(workspace)
    folders = media_stamps(workspace.lake, root) if root else {}
    seen = {**folders, **{name: table.stamp for name, table in tables.items()}}
    before = state.files if state else {}
    known = {name: stamp or (before[name].stamp if name in before else None) for name, stamp in seen.items()}
    problems = [f"{name} cannot be read now" for name, stamp in folders.items() if stamp is None]
    problems += [table.problem for table in tables.values() if table.problem]
    return {name: stamp for name, stamp in known.items() if stamp is not None}, problems


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
    seen = [file for file in looked.state.files.values() if not file.stamp.digest]
    beside = len(looked.state.files) - len(seen)
    more = f" and {beside} folders and database tables" if beside else ""
    calm = f"nothing changed in {len(seen)} files{more} of the shop"
    return "; ".join([calm, *looked.problems])


def _root(workspace: Workspace) -> Path | None:
    settings = workspace.settings
    return settings.root or (settings.source.parent if settings.source else None)


def _files(workspace: Workspace) -> tuple[dict[str, Path], dict[str, Path]]:
    """Name -> file: the mapping, the files of its tables, and those that say what is read of a database;
    name -> the latter again, for their rows. None of the sample store, nor what lies at an address."""
    source, root = workspace.settings.source, _root(workspace)
    if source is None or root is None:
        return {}, {}
    spec = parse_source(read_reviewed(source, "source file"), str(source))
    named = [each for files in spec.tables.values() for file in files for each in (file, *file.joins)]
    paths = [source, *(root / each.path for each in named if not is_address(each.path))]
    files = {path.name if path.parent == root else str(path): path for path in paths}
    databases = {root / each.path for each in named if each.format == DATABASE}
    return files, {f"rows of {name}": path for name, path in files.items() if path in databases}


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
