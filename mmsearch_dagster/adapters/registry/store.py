"""Where MLflow keeps its things: a SQLite database and a folder of files under the home.

MLflow keeps the store it talks to in process-wide state; `MlflowStore.connect` is the only place that sets
it. Telemetry and progress bars are off.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from filelock import FileLock

from mmsearch_dagster.adapters.host.sqlite_files import compact
from mmsearch_dagster.adapters.registry.relocate import ARTIFACTS, DATABASE, EXPERIMENT, check_location
from mmsearch_dagster.core.errors import ConfigError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_LOG = logging.getLogger(__name__)
# How a database file begins.
_SQLITE = b"SQLite format 3\0"


def mlflow_module() -> ModuleType:
    """MLflow, imported on first use, without telemetry, progress bars and chatter."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # Our models need no pickle, so none is ever read.
    os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    import mlflow

    for name in ("mlflow", "alembic"):
        _set_level(name, logging.WARNING)
    # Logging a model tries it and only warns; `ModelVersions.load_back` tries it and raises.
    _set_level("mlflow.models.model", logging.ERROR)
    return mlflow


def _set_level(name: str, level: int) -> None:
    """Each level that is set, the same one too, empties the caches of all loggers of the process."""
    logger = logging.getLogger(name)
    if logger.level != level:
        logger.setLevel(level)


def living_run(client: "MlflowClient", run_id: str) -> "Run | None":
    """That run, None where somebody deleted it."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException:
        return None
    return run if run.info.lifecycle_stage == "active" else None


@dataclass(frozen=True)
class MlflowStore:
    """Where MLflow keeps runs, models and files: `folder/mlflow.db` and `folder/artifacts`."""

    folder: Path

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self._database}"

    @property
    def _database(self) -> Path:
        return self.folder.resolve() / DATABASE

    @property
    def artifact_root(self) -> Path:
        return self.folder.resolve() / ARTIFACTS

    def connect(self) -> "MlflowClient":
        """Point this process's MLflow here and return a client.

        The database is made on first use. Raises MovedHomeError in a home that was moved or copied and has
        not been relocated, ConfigError where the database is none any more.
        """
        check_location(self.folder)
        self._check_database()
        mlflow = mlflow_module()
        self._make_database(mlflow)
        mlflow.set_tracking_uri(self.tracking_uri)
        mlflow.set_registry_uri(self.tracking_uri)
        return mlflow.MlflowClient(self.tracking_uri, self.tracking_uri)

    def _check_database(self) -> None:
        database = self._database
        if not database.exists():
            return
        with database.open("rb") as file:
            begin = file.read(len(_SQLITE))
        if begin and begin != _SQLITE:
            raise ConfigError(
                f"{database} is no SQLite database any more: put {database.parent} back from a backup, or "
                "move it away, and `mmsearch run` releases anew"
            )

    def _make_database(self, mlflow: ModuleType) -> None:
        """Beside its place, then renamed into it: MLflow cannot mend one that was left half made, and two
        processes that make it at once break it.
        """
        database = self._database
        if database.exists():
            return
        database.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(database.with_name(".making.lock")):
            if not database.exists():
                part = database.with_name(f".{DATABASE}.part")
                part.unlink(missing_ok=True)
                mlflow.MlflowClient(f"sqlite:///{part}").search_experiments(max_results=1)
                part.replace(database)

    def compact(self) -> None:
        """Gives back what is free in the database."""
        compact(self._database)

    def files(self, address: str) -> Path:
        """Folder of the files that MLflow keeps at `address`. Raises MlflowException, OSError: not there."""
        from mlflow.artifacts import download_artifacts

        return Path(download_artifacts(address))

    def experiment_id(self) -> str:
        """The experiment every run belongs to, made on first use; restored where somebody deleted it."""
        client = self.connect()
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None:
            if experiment.lifecycle_stage == "deleted":
                _LOG.warning("the experiment '%s' was deleted in MLflow: it is restored", EXPERIMENT)
                client.restore_experiment(experiment.experiment_id)
            return experiment.experiment_id
        renamed = self._renamed_experiment(client)
        if renamed is not None:
            return renamed
        from mlflow.exceptions import MlflowException

        try:
            return client.create_experiment(EXPERIMENT, artifact_location=self.artifact_root.as_uri())
        except MlflowException:  # another process was faster
            experiment = client.get_experiment_by_name(EXPERIMENT)
            if experiment is None:
                raise
            return experiment.experiment_id

    def _renamed_experiment(self, client: "MlflowClient") -> str | None:
        """The experiment whose files lie here, where somebody gave it another name: it gets its name back."""
        from mlflow.entities import ViewType

        for experiment in client.search_experiments(ViewType.ALL):
            if experiment.artifact_location == self.artifact_root.as_uri():
                _LOG.warning(
                    "the experiment '%s' was renamed to '%s': it is named again", EXPERIMENT, experiment.name
                )
                if experiment.lifecycle_stage == "deleted":
                    client.restore_experiment(experiment.experiment_id)
                client.rename_experiment(experiment.experiment_id, EXPERIMENT)
                return experiment.experiment_id
        return None
