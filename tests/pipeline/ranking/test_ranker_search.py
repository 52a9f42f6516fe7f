"""A search over how the ranker's trees are grown: on cross-fitted queries, each trial a run in MLflow."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.core.ranking.rankers.lambdamart import LambdaMartParams
from mmsearch_dagster.core.ranking.rankers.stage import TRAINERS, trainers
from mmsearch_dagster.pipeline.ranking.ranker_search import searched_params
from mmsearch_dagster.pipeline.training.hyper_parameters import SearchFacts
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.pipeline.ranking.test_mlflow_run import CANDIDATES, training_set


def snapshot(asset: str, facts: object = None) -> Snapshot:
    return Snapshot(asset, f"{asset}-digest", Path("nowhere"), facts or {})  # type: ignore[arg-type]


@pytest.mark.slow
def test_every_trial_is_a_run_and_a_search_that_is_over_is_not_made_again(tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path))
    facts = SearchFacts(examples="e", base="b", params={}, gained={}, trials=3, minutes=5)
    search = snapshot("hyper_parameters", facts.model_dump())
    training, source = training_set(), snapshot("training_examples")

    params = searched_params(workspace, source, search, CANDIDATES, training)
    again = searched_params(workspace, source, search, CANDIDATES, training)

    assert again == params
    store = MlflowStore(workspace.paths.mlflow)
    runs = store.connect().search_runs([store.experiment_id()])
    trials = [run for run in runs if "trial" in (run.info.run_name or "")]
    assert len(trials) == 3
    assert all("cross_fitted_ndcg_at_10" in run.data.metrics for run in trials)
    first = next(run for run in trials if run.info.run_name == "ensemble, trial 0")
    assert first.data.params["leaves"] == str(LambdaMartParams().leaves), "it begins as configured"


def test_the_parameters_reach_the_trees() -> None:
    training = training_set()

    short = trainers(replace(LambdaMartParams(), rounds=5))["ensemble"](training)

    usual = TRAINERS["ensemble"](training)
    assert (short.predict(training.features) != usual.predict(training.features)).any()
