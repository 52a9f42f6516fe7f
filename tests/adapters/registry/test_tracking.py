import doctest
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from mlflow import MlflowClient

from mmsearch_dagster.adapters.host.process_pool import map_in_processes
from mmsearch_dagster.adapters.registry import tracking
from mmsearch_dagster.adapters.registry.store import EXPERIMENT, MlflowStore
from mmsearch_dagster.adapters.registry.tracking import Tracking
from mmsearch_dagster.core.fusion.training_log import Quiet, TrainingLog

pytestmark = pytest.mark.slow


@pytest.fixture
def runs(mlflow_store: MlflowStore) -> Tracking:
    return Tracking(mlflow_store)


def train(log: TrainingLog) -> None:
    log.params({"strategy": "concat", "steps": 1200, "note": "长" * 9000, "parent": None})
    for step in range(1500):
        log.curve("loss", step, 1 / (1 + step))
    log.curve("dev/ndcg@10", 100, float("nan"))
    log.figure("loss", b"\x89PNG not really")
    log.figure("loss drawn", Figure())
    log.dataset("training_examples", "0123456789abcdef", 42)


def test_a_name_becomes_one_mlflow_takes() -> None:
    assert doctest.testmod(tracking) == (0, 1)


def test_the_same_training_runs_with_nobody_listening() -> None:
    train(Quiet())


def test_a_strategy_is_a_finished_child_run_with_everything_it_told(
    runs: Tracking, mlflow_store: MlflowStore, tmp_path: Path
) -> None:
    parent = runs.refresh("run-1")
    with runs.strategy(parent, "concat") as log:
        train(log)
        log.metrics({"words+picture/ndcg@10": 0.8})
    client = mlflow_store.connect()
    run = client.get_run(log.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "concat"
    assert run.data.tags["mlflow.parentRunId"] == parent
    assert run.data.params["steps"] == "1200"
    assert len(client.get_metric_history(log.run_id, "loss")) == 1500
    assert run.data.metrics["words_picture/ndcg_at_10"] == 0.8
    assert sorted(one.path for one in client.list_artifacts(log.run_id, "figures")) == [
        "figures/loss drawn.png",
        "figures/loss.png",
    ]
    assert (
        Path(client.download_artifacts(log.run_id, "figures/loss.png")).read_bytes() == b"\x89PNG not really"
    )
    assert run.inputs.dataset_inputs[0].dataset.digest == "0123456789abcdef"
    assert mlflow_store.artifact_root in Path(client.download_artifacts(log.run_id, "")).parents


def made_by_somebody(folder: str) -> str:
    """The experiment of a store that may not be there yet."""
    return MlflowStore(Path(folder)).experiment_id()


def test_processes_that_make_a_store_at_once_make_one(tmp_path: Path) -> None:
    found = map_in_processes(made_by_somebody, [str(tmp_path / "mlflow")] * 2, processes=2)

    assert found[0] == found[1]


def test_a_store_that_was_killed_half_made_is_made_again(tmp_path: Path) -> None:
    (tmp_path / ".mlflow.db.part").write_bytes(b"SQLite format 3\0 and no more")

    assert MlflowStore(tmp_path).experiment_id()
    assert not (tmp_path / ".mlflow.db.part").exists()


def test_separate_processes_find_the_same_refresh(mlflow_store: MlflowStore) -> None:
    assert Tracking(mlflow_store).refresh("key") == Tracking(mlflow_store).refresh("key")
    assert Tracking(mlflow_store).refresh("key") != Tracking(mlflow_store).refresh("other")


def test_a_failed_strategy_is_marked_and_keeps_what_it_told(
    runs: Tracking, mlflow_store: MlflowStore
) -> None:
    told: list[str] = []

    def fail() -> None:
        with runs.strategy(runs.refresh("r"), "attention") as log:
            told.append(log.run_id)
            log.curve("loss", 1, 0.5)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    run = mlflow_store.connect().get_run(told[0])
    assert run.info.status == "FAILED"
    assert run.data.metrics["loss"] == 0.5


def test_a_run_that_a_kill_left_open_is_closed_by_the_next_of_its_name(
    runs: Tracking, mlflow_store: MlflowStore
) -> None:
    parent = runs.refresh("r")
    blocks = [runs.strategy(parent, name) for name in ("weighted", "hadamard")]
    killed, other = (block.__enter__() for block in blocks)
    with runs.strategy(parent, "weighted"):
        pass
    client = mlflow_store.connect()
    assert client.get_run(killed.run_id).info.status == "KILLED"
    assert client.get_run(other.run_id).info.status == "RUNNING"


def test_the_parent_ends_with_the_figures_of_its_evaluation(
    runs: Tracking, mlflow_store: MlflowStore
) -> None:
    parent = runs.refresh("r")
    assert runs.evaluated(parent, "report-1", {"bm25/words[zh]/ndcg@10": 0.9}, b"a picture")
    runs.finish(parent)

    client = mlflow_store.connect()
    run = client.get_run(parent)
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"bm25/words_zh_/ndcg_at_10": 0.9})
    assert [one.path for one in client.list_artifacts(parent, "figures")] == ["figures/quality.png"]


def test_an_evaluation_told_again_changes_nothing_and_a_later_one_counts(
    runs: Tracking, mlflow_store: MlflowStore
) -> None:
    parent, client = runs.refresh("r"), mlflow_store.connect()
    for _ in range(2):
        runs.evaluated(parent, "report-1", {"mrr": 0.5})
        runs.finish(parent)
    ended = client.get_run(parent).info.end_time
    runs.finish(parent)
    assert client.get_run(parent).info.end_time == ended
    assert len(client.get_metric_history(parent, "mrr")) == 1

    runs.evaluated(parent, "report-2", {"mrr": 0.4})
    assert client.get_run(parent).data.metrics["mrr"] == 0.4


def test_a_deleted_run_takes_no_figures_and_stays_deleted(runs: Tracking, mlflow_store: MlflowStore) -> None:
    parent = runs.refresh("r")
    mlflow_store.connect().delete_run(parent)

    assert not runs.evaluated(parent, "report-1", {"mrr": 0.5})
    assert not runs.evaluated("f" * 32, "report-1", {"mrr": 0.5})
    assert runs.parent("r") is None


def test_a_curve_of_fifteen_hundred_points_is_two_calls(
    runs: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def log_batch(client: MlflowClient, run_id: str, **what: list[object]) -> None:
        sent.append(len(what.get("metrics", ())))
        as_it_is(client, run_id, **what)

    as_it_is = MlflowClient.log_batch
    monkeypatch.setattr(MlflowClient, "log_batch", log_batch)
    with runs.strategy(runs.refresh("r"), "concat") as log:
        train(log)
    assert sorted(size for size in sent if size) == [501, 1_000]


def test_a_store_is_made_where_there_is_none(tmp_path: Path) -> None:
    store = MlflowStore(tmp_path / "new" / "mlflow")
    assert store.experiment_id() == store.experiment_id()
    assert (tmp_path / "new" / "mlflow" / "mlflow.db").exists()
    assert store.connect().get_experiment_by_name(EXPERIMENT) is not None


def test_an_experiment_that_somebody_deleted_is_restored_and_that_is_said(
    runs: Tracking, mlflow_store: MlflowStore, caplog: pytest.LogCaptureFixture
) -> None:
    before = mlflow_store.experiment_id()
    mlflow_store.connect().delete_experiment(before)

    with runs.strategy(runs.refresh("run-1"), "concat"):
        pass

    assert mlflow_store.experiment_id() == before
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "the experiment 'mmsearch' was deleted in MLflow: it is restored"
    ]
