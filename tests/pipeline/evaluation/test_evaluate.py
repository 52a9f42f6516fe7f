"""What an evaluation leaves behind, beside its snapshot."""

import logging

import polars as pl
import pytest

from mmsearch_dagster.adapters.registry.registry import Registry
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.core.evaluation.champion_history import STORED_CHAMPION
from mmsearch_dagster.core.evaluation.comparison import ENGINE
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.gate.policy import ChampionRule
from mmsearch_dagster.core.ranking.tune_blend import FULL_TEXT_ALONE
from mmsearch_dagster.pipeline.evaluation import evaluate, files
from mmsearch_dagster.pipeline.training.candidates import candidates_of
from tests.homes import Place

pytestmark = pytest.mark.slow


def _runs(place: Place) -> dict[str, str]:
    """Run id of every candidate, and of their parent."""
    workspace = place.workspace
    parent = workspace.tracking.parent(workspace.lake.current("training_examples").digest)
    assert parent is not None
    own = {name: one.facts["mlflow_run"] for name, one in candidates_of(workspace).items()}
    return {**own, "parent": parent}


def test_every_candidates_run_and_the_parent_hold_the_validation_figures(tiny: Place) -> None:
    client = MlflowStore(tiny.paths.mlflow).connect()
    found = {name: client.get_run(run) for name, run in _runs(tiny).items()}
    told = tiny.workspace.lake.current(files.ASSET).facts

    assert {run.info.status for run in found.values()} == {"FINISHED"}
    parent = found.pop("parent").data.metrics
    assert parent[f"validation/{ENGINE}/all/ndcg_at_10"] == pytest.approx(told["engine"], abs=1e-4)
    assert 0 <= parent["validation/bm25/all/recall_at_10"] <= 1
    for run in found.values():
        for figure in ("ndcg_at_10", "ndcg_at_10 low", "recall_at_10", "mrr", "map", "top1"):
            assert f"validation/all/{figure}" in run.data.metrics
        assert "validation/words/top1" in run.data.metrics


def test_a_release_is_described_with_its_main_figure(tiny: Place) -> None:
    manifest = tiny.manifest()
    client = MlflowStore(tiny.paths.mlflow).connect()
    description = client.get_model_version("mmsearch", str(manifest.model_version)).description or ""

    assert description.startswith(f"Strategy {manifest.strategy}, passed by the gate: ndcg@10 0.")
    assert "95% interval" in description


def test_words_that_the_encoder_cannot_read_are_left_to_full_text(tiny: Place) -> None:
    assert not tiny.workspace.multilingual
    chosen = tiny.manifest().retrieval.weights
    assert chosen["words[ja]"] == chosen["words[other]"] == FULL_TEXT_ALONE


def test_a_second_evaluation_writes_nothing_twice_and_misses_no_deleted_run(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    runs, client = _runs(place), MlflowStore(place.paths.mlflow).connect()
    client.delete_run(runs["concat"])
    client.delete_run(runs["parent"])

    with caplog.at_level(logging.WARNING):
        report = evaluate.evaluate(place.workspace)

    assert not report.made
    assert "['concat', 'their parent']" in caplog.text
    history = client.get_metric_history(runs["weighted"], "validation/all/mrr")
    assert len(history) == 1


def _decision(place: Place, monkeypatch: pytest.MonkeyPatch, better_by: float) -> tuple[Decision, set[str]]:
    """Of the gate, where the champion has another image encoder and once was that much better."""
    champion = place.manifest()
    encoders = tuple(
        one.model_copy(update={"fingerprint": "other"}) if one.modality == "image" else one
        for one in champion.encoders
    )
    other = champion.model_copy(update={"encoders": encoders})
    monkeypatch.setattr(Registry, "champion", lambda _: other)
    workspace = place.workspace
    report = workspace.lake.find(files.ASSET, champion.snapshots[files.ASSET])
    assert report is not None
    stored = report.folder / files.PER_QUERY
    raised = pl.min_horizontal(pl.col("value") + better_by, 1.0)
    pl.read_parquet(stored).with_columns(value=raised).write_parquet(stored)
    # Another policy is another evaluation; otherwise the champion's own would stand.
    workspace.__dict__["gate_policy"] = workspace.gate_policy.model_copy(update={"champion": ChampionRule()})
    evaluate.evaluate(workspace)
    made = workspace.lake.current(files.ASSET)
    assert made.digest != report.digest
    branches = set(pl.read_parquet(made.folder / files.PER_QUERY)["branch"])
    return Decision.from_json((made.folder / files.DECISION).read_text(encoding="utf-8")), branches


@pytest.mark.parametrize("better_by", [0.0, 0.5])
def test_a_champion_with_another_encoder_is_held_to_its_own_evaluation(
    place: Place, monkeypatch: pytest.MonkeyPatch, better_by: float
) -> None:
    decision, branches = _decision(place, monkeypatch, better_by)

    told = next(reason for reason in decision.reasons if reason.rule == "champion")
    assert "not measured again (its image encoder is not the one of this run)" in told.text
    assert told.passed == decision.passed == (better_by == 0.0)
    assert STORED_CHAMPION in branches
