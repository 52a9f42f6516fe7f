"""The release pointer read straight from MLflow's SQLite database, without importing MLflow.

MLflow takes seconds to import, and a first search needs two of its rows. Read, never written: the alias
(table `registered_model_aliases`), the tags of the version it names (`model_version_tags`) and where that
version's files lie (`model_versions.storage_location`, a `file:` address). A database of another shape is
left to MLflow's own client.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mmsearch_dagster.adapters.registry.relocate import DATABASE, check_location
from mmsearch_dagster.adapters.registry.tags import RELEASE_ID, decision_of, manifest_of
from mmsearch_dagster.adapters.registry.verdict import REJECTED, verdict_of
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.release import ReleaseManifest

_ALIAS = "select version from registered_model_aliases where name = ? and alias = ?"
# Whatever the model is called now: somebody may have renamed it.
_RENAMED = (
    "select a.name, a.version from registered_model_aliases a join model_version_tags t "
    "on t.name = a.name and t.version = a.version and t.key = ? where a.alias = ?"
)
_TAGS = "select key, value from model_version_tags where name = ? and version = ?"
_FILES = "select storage_location from model_versions where name = ? and version = ?"


class OtherSchemaError(Exception):
    """The database is not as this reader knows it: ask MLflow itself."""


@dataclass(frozen=True)
class PointedVersion:
    """The released model version. folder: its weights, spec and what else lies beside them. decision: of the
    gate, as it is stored now; None where there is none. rejected: a reviewer decided against it."""

    manifest: ReleaseManifest
    folder: Path
    decision: Decision | None = None
    rejected: bool = False


def read_pointer(mlflow: Path, model: str, alias: str) -> PointedVersion | None:
    """What an alias of a registered model names, None where there is no such alias.

    Args:
        mlflow: the home's folder of MLflow.
        model: name of the registered model.
        alias: of one of its versions.

    Raises:
        OtherSchemaError: MLflow's client must be used instead.
        MovedHomeError: the addresses lead to another folder.
        ReleaseMismatchError: the version's tags are damaged.
    """
    check_location(mlflow)
    try:
        row = _rows(mlflow, model, alias)
    except sqlite3.Error as error:
        raise OtherSchemaError(str(error)) from error
    if row is None:
        return None
    version, tags, address = row
    folder = _folder(address)
    verdict = verdict_of(tags)
    rejected = verdict is not None and verdict.state == REJECTED
    return PointedVersion(manifest_of(tags, version), folder, decision_of(tags), rejected)


def _rows(mlflow: Path, model: str, alias: str) -> tuple[int, Mapping[str, str], str] | None:
    """Version, tags and address, of one moment."""
    database = (mlflow.resolve() / DATABASE).as_uri()
    with closing(sqlite3.connect(f"{database}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.execute("begin")
        aliased = connection.execute(_ALIAS, (model, alias)).fetchone()
        if aliased is not None:
            named = (model, aliased[0])
        else:
            named = connection.execute(_RENAMED, (RELEASE_ID, alias)).fetchone()
        if named is None:
            return None
        tags = dict(connection.execute(_TAGS, named).fetchall())
        (address,) = connection.execute(_FILES, named).fetchone() or (None,)
        return int(named[1]), tags, str(address)


def _folder(address: str) -> Path:
    """Where the files of a version lie. Raises OtherSchemaError for what is no local folder."""
    parts = urlsplit(address)
    folder = Path(unquote(parts.path)) / "artifacts"
    if parts.scheme != "file" or not folder.is_dir():
        raise OtherSchemaError(f"{address} is no folder here")
    return folder
