"""Removing from MLflow what no kept release needs: rows and files.

MLflow's own clean-up command also empties the trash of what people deleted; this removes what it is told to.
"""

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.adapters.registry.relocate import DATABASE
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.adapters.registry.versions import MODEL_NAME

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_MODEL_ID = re.compile(r"\bm-[0-9a-f]{32}\b")
_PARENT, _REFRESH, _NAME = "mlflow.parentRunId", "mmsearch.refresh", "mlflow.runName"
_PAGE = 1000
_SECONDS = 30


@dataclass(frozen=True)
class Unneeded:
    """What no kept version needs: ids of runs, and of models with their files."""

    runs: tuple[str, ...]
    models: tuple[str, ...]


@dataclass(frozen=True)
class _Run:
    run_id: str
    family: str


def unneeded(store: MlflowStore, kept: Collection[int]) -> Unneeded:
    """Runs of our own making and model files that no version of these numbers comes from.

    The runs of one refresh stay or go together, and those of the newest refresh stay.
    """
    client = store.connect()
    versions = _versions(client)
    staying = [version for version in versions if int(version.version) in kept]
    runs = list(_runs(client, store.experiment_id()))
    needed_runs = {version.run_id for version in staying}
    families = {run.family for run in runs if run.run_id in needed_runs} | {run.family for run in runs[:1]}
    needed_models = set(_model_ids(staying))
    models = [model for model in _logged_models(client, store.experiment_id()) if model not in needed_models]
    return Unneeded(tuple(run.run_id for run in runs if run.family not in families), tuple(models))


def remove_versions(store: MlflowStore, numbers: Iterable[int]) -> None:
    """Removes versions from the registered model; their files are another matter."""
    client = store.connect()
    for number in numbers:
        client.delete_model_version(MODEL_NAME, str(number))
    _remove_tags(store.folder / DATABASE)


def _remove_tags(database: Path) -> None:
    """MLflow marks a deleted version and keeps its tags. The mark stays: it keeps the number taken."""
    with closing(sqlite3.connect(database, timeout=_SECONDS)) as connection, connection:
        connection.execute(
            "delete from model_version_tags where name = ? and version in "
            "(select version from model_versions where name = ? and current_stage = 'Deleted_Internal')",
            (MODEL_NAME, MODEL_NAME),
        )


def remove(store: MlflowStore, what: Unneeded) -> None:
    """Removes runs and models for good, with their files."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    client = store.connect()
    backend = SqlAlchemyStore(store.tracking_uri, store.artifact_root.as_uri())
    for model in what.models:
        get_artifact_repository(client.get_logged_model(model).artifact_location).delete_artifacts()
        client.delete_logged_model(model)
        backend._hard_delete_logged_model(model)
    for run_id in what.runs:
        get_artifact_repository(client.get_run(run_id).info.artifact_uri or "").delete_artifacts()
        client.delete_run(run_id)
        backend._hard_delete_run(run_id)
    _remove_empty_folders(store)


def _remove_empty_folders(store: MlflowStore) -> None:
    """MLflow leaves the folders around the files."""
    for folder in sorted(store.artifact_root.rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _versions(client: "MlflowClient") -> "list[ModelVersion]":
    return list(client.search_model_versions(f"name = '{MODEL_NAME}'", max_results=10_000))


def _model_ids(versions: "Iterable[ModelVersion]") -> Iterator[str]:
    for version in versions:
        yield from _MODEL_ID.findall(f"{version.source} {getattr(version, 'storage_location', '')}")


def _runs(client: "MlflowClient", experiment: str) -> Iterator[_Run]:
    """Runs that mmsearch made, newest first. family: the refresh that they belong to."""
    pages = _pages(lambda token: client.search_runs([experiment], max_results=_PAGE, page_token=token))
    runs = [(run.info.run_id, run.data.tags) for run in pages]
    refreshes = {run_id for run_id, tags in runs if _REFRESH in tags}
    for run_id, tags in runs:
        if run_id in refreshes or tags.get(_NAME, "").startswith("register r-"):
            yield _Run(run_id, run_id)
        elif tags.get(_PARENT) in refreshes:
            yield _Run(run_id, tags[_PARENT])


def _logged_models(client: "MlflowClient", experiment: str) -> Iterator[str]:
    pages = _pages(lambda token: client.search_logged_models([experiment], page_token=token))
    return (model.model_id for model in pages if model.name == MODEL_NAME)


def _pages(ask: Any) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = ask(token)
        yield from page
        token = page.token
        if not token:
            return
