"""A home that was moved or copied: MLflow keeps whole addresses of files, and they are rewritten here, once.

Looks into MLflow's tables without MLflow, which takes seconds to import.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from mmsearch_dagster.adapters.registry.tags import MANIFEST, MEDIA_ROOT
from mmsearch_dagster.core.errors import ConfigError, MovedHomeError, UserError

EXPERIMENT = "mmsearch"
DATABASE, ARTIFACTS = "mlflow.db", "artifacts"
# Where MLflow's database keeps addresses of files: what of it is counted, table, column.
_ADDRESSES = (
    ("runs", "runs", "artifact_uri"),
    ("models", "logged_models", "artifact_location"),
    ("model versions", "model_versions", "source"),
    ("model versions", "model_versions", "storage_location"),
    ("experiments", "experiments", "artifact_location"),
)
_UPDATE = (
    "update {table} set {column} = ?2 || substr({column}, length(?1) + 1) "
    "where {column} = ?1 or substr({column}, 1, length(?1) + 1) = ?1 || '/'"
)
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Relocation:
    """What was rewritten. former, now: the home's folder. counts: what, in the plural -> how many of them."""

    former: Path
    now: Path
    counts: Mapping[str, int]

    @property
    def sentence(self) -> str:
        """What was done, for people."""
        counts = ", ".join(
            f"{count} {what if count != 1 else what.removesuffix('s')}"
            for what, count in self.counts.items()
            if count
        )
        moved = f" from {self.former} to {self.now}" if self.former != self.now else ""
        return f"Changed addresses{moved} in {counts}."


def former_home(mlflow: Path) -> Path | None:
    """The folder that the home lay in when its addresses were written, None where they fit.

    Args:
        mlflow: the home's folder of MLflow; it need not exist.
    """
    stored = _stored_address(mlflow)
    return None if stored in (None, _artifacts(mlflow).as_uri()) else _path(str(stored)).parents[1]


def check_location(mlflow: Path) -> None:
    """Raises MovedHomeError where the addresses in a home lead to another folder."""
    former = former_home(mlflow)
    if former is not None:
        home = mlflow.resolve().parent
        raise MovedHomeError(
            f"home {home} was moved or copied from {former}, where its files are still looked for: run "
            f"`mmsearch relocate --home {home}` once"
        )


def relocate(
    mlflow: Path, to: Path | None = None, *, folders: Mapping[Path, Path] | None = None
) -> Relocation | None:
    """Let the addresses in a home lead to where it lies now. All or nothing; None where they fit.

    Args:
        mlflow: the home's folder of MLflow.
        to: where the home will lie, if that is not where it is now.
        folders: other folders that moved, as they were -> as they are now: those of pictures follow.

    Raises:
        ConfigError: the database cannot be written.
        UserError: another process holds it.
    """
    artifacts = _artifacts(to / mlflow.name if to else mlflow)
    database = mlflow.resolve() / DATABASE
    if _stored_address(mlflow) is None:
        return None
    try:
        with closing(_opened(database)) as connection, connection:
            connection.execute("begin immediate")
            former = _stored(connection)  # as another process may have left it meanwhile
            done = former and _rewrite(connection, former, artifacts, folders or {})
            return done if done and any(done.counts.values()) else None
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise UserError(f"{database} is in use ({error}): stop what works in this home first") from error
        raise ConfigError(f"{database} cannot be written: {error}; relocate a home you may write") from error


def moved_path(path: Path, folders: Mapping[Path, Path]) -> Path:
    """Where a path lies after these folders moved, as they were -> as they are now; the first that fits."""
    for old, new in folders.items():
        if path.is_relative_to(old):
            return new / path.relative_to(old)
    return path


def _rewrite(
    connection: sqlite3.Connection, former: str, artifacts: Path, folders: Mapping[Path, Path]
) -> Relocation:
    counts: dict[str, int] = {}
    for what, table, column in _ADDRESSES if former != artifacts.as_uri() else ():
        rows = connection.execute(_UPDATE.format(table=table, column=column), (former, artifacts.as_uri()))
        counts[what] = max(counts.get(what, 0), rows.rowcount)
    old, new = _path(former).parents[1], artifacts.parents[1]
    counts["picture folders"] = _move_picture_folders(connection, {**folders, old: new})
    return Relocation(old, new, counts)


def _move_picture_folders(connection: sqlite3.Connection, folders: Mapping[Path, Path]) -> int:
    """Those of model versions whose pictures lie in one of these folders."""
    query = "select rowid, value from model_version_tags where key = ?"
    count = 0
    for row, value in connection.execute(query, (MANIFEST,)).fetchall():
        facts = _read(value)
        folder = Path(str(facts.get(MEDIA_ROOT) or ""))
        if (moved := moved_path(folder, folders)) != folder:
            text = json.dumps({**facts, MEDIA_ROOT: str(moved)}, ensure_ascii=False)
            connection.execute("update model_version_tags set value = ? where rowid = ?", (text, row))
            count += 1
    return count


def _read(text: str) -> dict[str, Any]:
    """A damaged tag stays as it is; the code that reads it reports it."""
    try:
        facts = json.loads(text)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _artifacts(mlflow: Path) -> Path:
    return mlflow.resolve() / ARTIFACTS


def _path(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))


def _opened(database: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(database))}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS, isolation_level=None)


def _stored_address(mlflow: Path) -> str | None:
    """Of the experiment's files; None where it keeps none on a disk or MLflow has yet to tell of a fault."""
    database = mlflow.resolve() / DATABASE
    if not database.is_file():
        return None
    try:
        with closing(_opened(database)) as connection:
            return _stored(connection)
    except sqlite3.DatabaseError:
        return None


def _stored(connection: sqlite3.Connection) -> str | None:
    query = "select artifact_location from experiments where name = ?"
    row = connection.execute(query, (EXPERIMENT,)).fetchone()
    return row[0] if row and str(row[0]).startswith("file:///") else None
