import shutil
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.registry.relocate import relocate
from mmsearch_dagster.adapters.registry.store import MlflowStore


@pytest.fixture(scope="session")
def empty_mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Making MLflow's tables takes seconds; they are made once and copied."""
    folder = tmp_path_factory.mktemp("mlflow-template")
    MlflowStore(folder).experiment_id()
    return folder / "mlflow.db"


@pytest.fixture
def mlflow_store(empty_mlflow_database: Path, encoders: Path, tmp_path: Path) -> MlflowStore:
    """An MLflow store under a home of its own, with a blank and a foreign letter in its path.

    MLflow calls each model that is registered: the encoders it then loads are those of all homes here.
    """
    store = MlflowStore(tmp_path / "ho me 家" / "mlflow")
    store.folder.mkdir(parents=True)
    shutil.copy(empty_mlflow_database, store.folder)
    (store.folder.parent / "encoders").symlink_to(encoders)
    relocate(store.folder)
    return store
