"""A search over hyper-parameters: resumable, visible in MLflow, away from the gate's queries."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.pipeline.training import candidates, examples, hyper_parameters
from mmsearch_dagster.pipeline.workspace import Workspace
from tests.homes import Place

pytestmark = pytest.mark.slow


def quick(place: Place, folder: Path) -> Workspace:
    """Trainings of a second."""
    preset = yaml.safe_load((place.assets / "presets" / "run.yaml").read_text(encoding="utf-8"))
    preset["train"] |= {"steps": 10, "evaluate_every": 5}
    preset["strategies"] = ["weighted"]
    file = folder / "quick.yaml"
    file.write_text(yaml.safe_dump(preset), encoding="utf-8")
    return Workspace(replace(place.settings, preset=file), place.assets)


def test_the_winner_of_a_search_is_what_is_trained_and_every_trial_is_a_run_in_mlflow(
    place: Place, tmp_path: Path
) -> None:
    workspace = quick(place, tmp_path)
    source = workspace.lake.current(examples.ASSET)
    assert hyper_parameters.params_of(workspace, "weighted", source) == workspace.preset.train
    assert hyper_parameters.search(workspace).note == "as configured"

    report = hyper_parameters.search(workspace, trials=3)
    again = hyper_parameters.search(quick(place, tmp_path), trials=3)

    facts = hyper_parameters.SearchFacts.of(workspace.lake.current(hyper_parameters.ASSET))
    assert report.made
    assert not again.made, "what was searched is not searched again"
    assert report.tables["trials, the best first"].height == 3
    assert facts.gained["weighted"] >= 0
    chosen = facts.params["weighted"]
    assert hyper_parameters.params_of(workspace, "weighted", source) == chosen
    (trained,) = candidates.train_candidates(workspace, ["weighted"])
    snapshot = workspace.lake.current(candidates.asset_of("weighted"))
    assert trained.made
    assert snapshot.inputs[hyper_parameters.ASSET] == report.digest, "a release of it can say so"

    store = MlflowStore(place.paths.mlflow)
    runs = store.connect().search_runs([store.experiment_id()])
    parents = {run.info.run_id: run.data.tags.get("mlflow.parentRunId") for run in runs}
    trials = [run for run in runs if "trial" in (run.info.run_name or "")]
    assert len(trials) == 3
    assert all("dev_ndcg_at_10" in run.data.metrics and run.data.params for run in trials)
    (search_run,) = {run.data.tags["mlflow.parentRunId"] for run in trials}
    assert parents[search_run] in parents, "below the refresh's own run"


def test_a_search_with_other_parameters_or_examples_is_not_used(place: Place, tmp_path: Path) -> None:
    workspace = quick(place, tmp_path)
    hyper_parameters.search(workspace, trials=1)
    source = workspace.lake.current(examples.ASSET)

    other = replace(source, digest="other examples")

    assert hyper_parameters.used_search(workspace, source) is not None
    assert hyper_parameters.used_search(workspace, other) is None
    assert hyper_parameters.used_search(place.workspace, source) is None, "another preset"


def test_without_optuna_the_command_says_what_to_install(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise ConfigError("a search over hyper-parameters needs Optuna: ...")

    monkeypatch.setattr("mmsearch_dagster.cli.run.check_installed", missing)

    assert place.mmsearch("run", "--search-trials", 2) == 2
    assert "needs Optuna" in capsys.readouterr().err
