"""MLflow's addresses follow a home that was moved or copied."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.host.process_pool import side_by_side
from mmsearch_dagster.adapters.registry import store as store_module
from mmsearch_dagster.adapters.registry.ledger import Ledger
from mmsearch_dagster.adapters.registry.registry import Registry
from mmsearch_dagster.adapters.registry.store import EXPERIMENT, MlflowStore
from mmsearch_dagster.adapters.registry.tags import VersionFacts
from mmsearch_dagster.adapters.registry.tracking import Tracking
from mmsearch_dagster.core.errors import MmsearchError, ReleaseMismatchError
from mmsearch_dagster.core.fusion.config import FusionSpec
from mmsearch_dagster.core.fusion.model import TwoTower, save_model
from mmsearch_dagster.core.gate.decision import Decision, Reason
from mmsearch_dagster.core.release import RetrievalParams

pytestmark = pytest.mark.slow


def registry(store: MlflowStore) -> Registry:
    return Registry(store, Ledger(store.folder.parent / "ledger.ndjson"))


@pytest.fixture
def version(mlflow_store: MlflowStore, tmp_path: Path) -> int:
    """A model version of a home whose pictures lie in the home itself."""
    widths = {"text": 6}
    spec = FusionSpec(strategy="concat", item_widths=widths, query_widths=widths, width=4, hidden=4)
    sha256 = save_model(TwoTower(spec), tmp_path / "model")
    reason = Reason(rule="floor", passed=True, figure=0.5, limit=0.1, text="fine")
    facts = VersionFacts(
        release_id="r-1",
        catalogue="店",
        strategy="concat",
        weights_sha256=sha256,
        encoders=(),
        snapshots={},
        retrieval=RetrievalParams(),
        decision=Decision(
            passed=True, reasons=(reason,), weights_sha256=sha256, report_digest="d", policy_digest="p"
        ),
        media_root=str(mlflow_store.folder.parent / "sample 家"),
    )
    return registry(mlflow_store).register(tmp_path / "model", facts)


@pytest.fixture
def copied(mlflow_store: MlflowStore, version: int, tmp_path: Path) -> MlflowStore:
    """The home copied; the original stays."""
    shutil.copytree(mlflow_store.folder.parent, tmp_path / "new 家")
    return MlflowStore(tmp_path / "new 家" / "mlflow")


def everything(store: MlflowStore) -> str:
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as connection:
        return "\n".join(connection.iterdump())


def test_a_copied_home_reads_its_own_files(
    copied: MlflowStore, mlflow_store: MlflowStore, version: int
) -> None:
    folder = registry(copied).model_folder(version)

    assert folder.is_relative_to(copied.folder)
    assert registry(mlflow_store).model_folder(version).is_relative_to(mlflow_store.folder)
    assert registry(copied).manifest(version).media_root == str(copied.folder.parent / "sample 家")
    registry(copied).check_weights(version)


def test_a_new_run_of_a_copied_home_writes_into_it(copied: MlflowStore, mlflow_store: MlflowStore) -> None:
    runs = Tracking(copied)
    before = sorted(mlflow_store.folder.rglob("*"))
    with runs.strategy(runs.refresh("later"), "concat") as log:
        log.figure("loss", b"a picture")

    assert [path.is_relative_to(copied.folder) for path in copied.folder.rglob("loss.png")] == [True]
    assert sorted(mlflow_store.folder.rglob("*")) == before


def test_only_what_begins_with_the_old_place_follows(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    old, client = mlflow_store.artifact_root.as_uri(), mlflow_store.connect()
    client.create_experiment("beside", artifact_location=f"{old}2")
    client.create_registered_model("x", description=old)
    shutil.copytree(mlflow_store.folder, tmp_path / "new" / "mlflow")
    client = MlflowStore(tmp_path / "new" / "mlflow").connect()

    assert client.get_registered_model("x").description == old
    assert client.get_experiment_by_name("beside").artifact_location == f"{old}2"


def connected(folder: str) -> str:
    return MlflowStore(Path(folder)).connect().get_experiment_by_name(EXPERIMENT).artifact_location


def test_processes_that_open_it_at_once_agree(copied: MlflowStore) -> None:
    found = side_by_side(connected, [str(copied.folder)] * 2, processes=2)

    assert found == [copied.artifact_root.as_uri()] * 2


def test_nothing_is_written_where_nothing_moved(mlflow_store: MlflowStore, version: int) -> None:
    mlflow_store.connect()
    before = (mlflow_store.folder / "mlflow.db").stat().st_mtime_ns, everything(mlflow_store)
    mlflow_store.connect()

    assert ((mlflow_store.folder / "mlflow.db").stat().st_mtime_ns, everything(mlflow_store)) == before


def test_a_home_that_may_only_be_read_reads_its_own_files_all_the_same(
    copied: MlflowStore, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "follow", lambda *_, **__: None)

    assert registry(copied).model_folder(version).is_relative_to(copied.folder)


def test_a_database_that_another_holds_is_told_in_a_sentence(
    copied: MlflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmsearch_dagster.adapters.registry.relocate._PATIENCE_SECONDS", 0.01)
    with closing(sqlite3.connect(copied.folder / "mlflow.db", isolation_level=None)) as holder:
        holder.execute("begin immediate")
        with pytest.raises(MmsearchError, match=r"the home was moved here from .*ho me 家.* locked"):
            copied.connect()


def test_a_home_copied_without_its_models_is_told_in_a_sentence(copied: MlflowStore, version: int) -> None:
    shutil.rmtree(copied.artifact_root)

    with pytest.raises(ReleaseMismatchError, match=r"version 1 are not in .*: copy the home whole"):
        registry(copied).model_folder(version)
