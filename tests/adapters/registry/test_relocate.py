"""A home that was moved or copied is noticed, and its addresses follow it once it is relocated."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from mmsearch_dagster.adapters.host.process_pool import map_in_processes
from mmsearch_dagster.adapters.registry.ledger import Ledger
from mmsearch_dagster.adapters.registry.registry import Registry
from mmsearch_dagster.adapters.registry.relocate import EXPERIMENT, check_location, former_home, relocate
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.adapters.registry.tags import VersionFacts
from mmsearch_dagster.adapters.registry.tracking import Tracking
from mmsearch_dagster.core.errors import ConfigError, MovedHomeError, ReleaseMismatchError, UserError
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


def test_a_copied_home_is_noticed_also_while_the_original_is_there(
    copied: MlflowStore, mlflow_store: MlflowStore, version: int
) -> None:
    home, before = copied.folder.parent, everything(copied)
    sentence = f"run `mmsearch relocate --home {home}` once"
    with pytest.raises(MovedHomeError, match=re.escape(sentence)) as error:
        registry(copied).manifest(version)
    assert error.value.exit_code == 2
    assert str(mlflow_store.folder.parent) in str(error.value)
    assert everything(copied) == before
    assert former_home(mlflow_store.folder) is None


def test_a_relocated_copy_reads_its_own_files_and_the_original_its_own(
    copied: MlflowStore, mlflow_store: MlflowStore, version: int
) -> None:
    done = relocate(copied.folder)

    assert done is not None
    assert (done.former, done.now) == (mlflow_store.folder.parent, copied.folder.parent)
    assert done.counts == {
        "runs": 1, "models": 1, "model versions": 1, "experiments": 1, "picture folders": 1
    }  # fmt: skip
    assert registry(copied).model_folder(version).is_relative_to(copied.folder)
    assert registry(mlflow_store).model_folder(version).is_relative_to(mlflow_store.folder)
    assert registry(copied).manifest(version).media_root == str(copied.folder.parent / "sample 家")
    registry(copied).check_weights(version)


def test_it_says_what_it_changed(copied: MlflowStore, mlflow_store: MlflowStore) -> None:
    done = relocate(copied.folder)

    assert done is not None
    assert done.sentence == (
        f"Changed addresses from {mlflow_store.folder.parent} to {copied.folder.parent} in 1 run, 1 model, "
        "1 model version, 1 experiment, 1 picture folder."
    )


def test_pictures_in_another_folder_that_moved_follow(mlflow_store: MlflowStore, version: int) -> None:
    home = mlflow_store.folder.parent
    done = relocate(mlflow_store.folder, folders={home / "sample 家": Path("/new shop")})

    assert done is not None
    assert done.sentence == "Changed addresses in 1 picture folder."
    assert registry(mlflow_store).manifest(version).media_root == "/new shop"
    assert relocate(mlflow_store.folder, folders={home / "sample 家": Path("/new shop")}) is None


def test_it_is_done_once(copied: MlflowStore) -> None:
    assert relocate(copied.folder) is not None
    before = (copied.folder / "mlflow.db").stat().st_mtime_ns, everything(copied)
    assert relocate(copied.folder) is None
    copied.connect()
    assert ((copied.folder / "mlflow.db").stat().st_mtime_ns, everything(copied)) == before


def test_a_home_can_be_prepared_for_where_it_will_lie(
    copied: MlflowStore, version: int, tmp_path: Path
) -> None:
    later = tmp_path / "later"
    relocate(copied.folder, later)
    assert former_home(copied.folder) == later
    shutil.move(copied.folder.parent, later)
    assert registry(MlflowStore(later / "mlflow")).model_folder(version).is_relative_to(later)


def test_a_new_run_of_a_copied_home_writes_into_it(copied: MlflowStore, mlflow_store: MlflowStore) -> None:
    relocate(copied.folder)
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
    relocate(tmp_path / "new" / "mlflow")
    client = MlflowStore(tmp_path / "new" / "mlflow").connect()

    assert client.get_experiment_by_name(EXPERIMENT).artifact_location.endswith("/new/mlflow/artifacts")
    assert client.get_registered_model("x").description == old
    assert client.get_experiment_by_name("beside").artifact_location == f"{old}2"


def relocated(folder: str) -> bool:
    return relocate(Path(folder)) is not None


def test_of_two_processes_that_relocate_at_once_one_does(copied: MlflowStore) -> None:
    done = map_in_processes(relocated, [str(copied.folder)] * 2, processes=2)

    assert sorted(done) == [False, True]
    check_location(copied.folder)


def test_a_folder_without_a_database_was_never_moved(tmp_path: Path) -> None:
    check_location(tmp_path / "nowhere" / "mlflow")
    assert relocate(tmp_path / "nowhere" / "mlflow") is None
    assert not (tmp_path / "nowhere").exists()


def test_a_database_that_another_holds_is_told_in_a_sentence(
    copied: MlflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmsearch_dagster.adapters.registry.relocate._PATIENCE_SECONDS", 0.01)
    with closing(sqlite3.connect(copied.folder / "mlflow.db", isolation_level=None)) as holder:
        holder.execute("begin immediate")
        with pytest.raises(UserError, match=r"is in use .* stop what works in this home first"):
            relocate(copied.folder)


def test_a_database_that_may_only_be_read_is_told_in_a_sentence(
    copied: MlflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(database: Path) -> sqlite3.Connection:  # root may write everywhere
        return sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, isolation_level=None)

    monkeypatch.setattr("mmsearch_dagster.adapters.registry.relocate._opened", read_only)
    with pytest.raises(ConfigError, match="cannot be written"):
        relocate(copied.folder)


def test_a_home_copied_without_its_models_is_told_in_a_sentence(copied: MlflowStore, version: int) -> None:
    relocate(copied.folder)
    shutil.rmtree(copied.artifact_root)

    with pytest.raises(ReleaseMismatchError, match=r"version 1 are not in .*: copy the home whole"):
        registry(copied).model_folder(version)
