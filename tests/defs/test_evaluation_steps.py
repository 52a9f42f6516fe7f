"""What an evaluation leaves behind, beside its snapshot."""

import logging

import pytest

from mmsearch_dagster.adapters.tracking import MlflowStore
from mmsearch_dagster.core.comparison import ENGINE
from mmsearch_dagster.defs.evaluation import steps
from mmsearch_dagster.defs.training.steps import candidates_of
from tests.homes import Place

pytestmark = pytest.mark.slow


def _runs(place: Place) -> dict[str, str]:
    """Run id of every candidate, and of their parent."""
    workspace = place.workspace
    parent = workspace.tracking.parent(workspace.lake.current("training_examples").digest)
    assert parent is not None
    own = {name: one.facts["mlflow run"] for name, one in candidates_of(workspace).items()}
    return {**own, "parent": parent}


def test_every_candidates_run_and_the_parent_hold_the_validation_figures(tiny: Place) -> None:
    client = MlflowStore(tiny.paths.mlflow).connect()
    found = {name: client.get_run(run) for name, run in _runs(tiny).items()}
    told = tiny.workspace.lake.current(steps.ASSET).facts

    assert {run.info.status for run in found.values()} == {"FINISHED"}
    parent = found.pop("parent").data.metrics
    assert parent[f"validation/{ENGINE}/all/ndcg_at_10"] == pytest.approx(told["ndcg@10"], abs=1e-4)
    assert 0 <= parent["validation/bm25/all/recall_at_10"] <= 1
    for run in found.values():
        for figure in ("ndcg_at_10", "ndcg_at_10 low", "recall_at_10", "mrr", "map", "top1"):
            assert f"validation/all/{figure}" in run.data.metrics
        assert "validation/words/top1" in run.data.metrics


def test_a_release_is_described_with_its_main_figure(tiny: Place) -> None:
    manifest = tiny.manifest()
    client = MlflowStore(tiny.paths.mlflow).connect()
    description = client.get_model_version("mmsearch", str(manifest.model_version)).description

    assert description.startswith(f"Strategy {manifest.strategy}, passed by the gate: ndcg@10 0.")
    assert "95% interval" in description


def test_a_second_evaluation_writes_nothing_twice_and_misses_no_deleted_run(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    runs, client = _runs(place), MlflowStore(place.paths.mlflow).connect()
    client.delete_run(runs["concat"])
    client.delete_run(runs["parent"])

    with caplog.at_level(logging.WARNING):
        report = steps.evaluate(place.workspace)

    assert not report.made
    assert "['concat', 'their parent']" in caplog.text
    history = client.get_metric_history(runs["weighted"], "validation/all/mrr")
    assert len(history) == 1
