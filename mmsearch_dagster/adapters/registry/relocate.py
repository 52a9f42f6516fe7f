"""A home that was moved or copied: MLflow keeps whole addresses of files, and they follow the home here."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from mmsearch_dagster.core.errors import MmsearchError

# Where MLflow's database keeps addresses of files of a run, an experiment, a model.
_ADDRESSES = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("experiments", "artifact_location"),
)
_UPDATE = (
    "update {table} set {column} = ?2 || substr({column}, length(?1) + 1) "
    "where {column} = ?1 or substr({column}, 1, length(?1) + 1) = ?1 || '/'"
)
_READ_ONLY = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_PATIENCE_SECONDS = 30.0


def follow(database: Path, experiment: str, artifacts: Path, *, json_tag: tuple[str, str]) -> None:
    """Let the addresses in `database` begin where `experiment` keeps its files now, which is `artifacts`.

    json_tag: a tag of model versions and its field with a folder; one inside the home follows too. All or
    nothing, by one process of several; one look where there is nothing to do. A home that may only be read
    stays as it is, see `moved`. Raises MmsearchError when another process holds the database.
    """
    old, new = _address(database, experiment), artifacts.as_uri()
    if old in (None, new):
        return
    try:
        with closing(_opened(database)) as connection, connection:
            connection.execute("begin immediate")
            old = _stored(connection, experiment)  # as another process may have left it meanwhile
            if old is None or old == new:
                return
            for table, column in _ADDRESSES:
                connection.execute(_UPDATE.format(table=table, column=column), (old, new))
            _move_folders(connection, json_tag, _path(old).parents[1], artifacts.parents[1])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _READ_ONLY:
            raise MmsearchError(
                f"the home was moved here from {_path(old or '').parents[1]}, and {database} cannot be told "
                f"so: {error}; try again when nothing else works in this home"
            ) from error


def moved(address: str, database: Path, experiment: str, artifacts: Path) -> str:
    """`address` as it is here, also where `follow` could not write."""
    old = _address(database, experiment)
    inside = old is not None and address.startswith(f"{old}/")
    return artifacts.as_uri() + address[len(old) :] if old and inside else address


def _opened(database: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(database))}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS, isolation_level=None)


def _address(database: Path, experiment: str) -> str | None:
    """Of the experiment's files; None where it keeps none on a disk or MLflow has yet to tell of a fault."""
    try:
        with closing(_opened(database)) as connection:
            return _stored(connection, experiment)
    except sqlite3.DatabaseError:
        return None


def _stored(connection: sqlite3.Connection, experiment: str) -> str | None:
    asked = "select artifact_location from experiments where name = ?"
    found = connection.execute(asked, (experiment,)).fetchone()
    return found[0] if found and str(found[0]).startswith("file:///") else None


def _path(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))


def _move_folders(connection: sqlite3.Connection, json_tag: tuple[str, str], old: Path, new: Path) -> None:
    key, field = json_tag
    asked = "select rowid, value from model_version_tags where key = ?"
    for row, value in connection.execute(asked, (key,)).fetchall():
        facts = _read(value)
        folder = Path(str(facts.get(field) or ""))
        if folder.is_relative_to(old):
            text = json.dumps({**facts, field: str(new / folder.relative_to(old))}, ensure_ascii=False)
            connection.execute("update model_version_tags set value = ? where rowid = ?", (text, row))


def _read(text: str) -> dict[str, Any]:
    """A damaged tag stays as it is; whoever needs it says so."""
    try:
        facts = json.loads(text)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}
