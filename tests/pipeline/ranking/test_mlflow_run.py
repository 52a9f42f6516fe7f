"""The MLflow run of the step `ranking`."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.adapters.registry.tracking import Tracking
from mmsearch_dagster.core.ranking.features import FEATURES, RankedCandidates
from mmsearch_dagster.core.ranking.rankers.linear import train_linear
from mmsearch_dagster.core.ranking.rankers.stage import TRAINERS, RankingStage
from mmsearch_dagster.core.ranking.training_set import TrainingSet
from mmsearch_dagster.pipeline.ranking.mlflow_run import log_ranking_run
from mmsearch_dagster.pipeline.ranking.order_trial import CandidateLists, try_orders
from tests.core.ranking.catalogue import STATISTICS

QUERIES = [f"q{number}" for number in range(24)]
CANDIDATES = CandidateLists(
    texts={key: f"{key} thing" for key in QUERIES},
    kinds=dict.fromkeys(QUERIES, "words"),
    grades={key: {"p1": 3} for key in QUERIES},
    lists={key: {"lexical": [("p0", 2.0), ("p1", 1.0)], "text": [("p1", 0.9)]} for key in QUERIES},
)


def training_set() -> TrainingSet:
    draw = np.random.default_rng(0)
    blocks = {
        key: RankedCandidates(("p0", "p1"), draw.normal(size=(2, len(FEATURES))).astype(np.float32))
        for key in QUERIES
    }
    return TrainingSet.of(blocks, CANDIDATES.grades)


@pytest.mark.slow
def test_every_order_has_its_figure_and_every_feature_its_effect(tmp_path: Path) -> None:
    store, training = MlflowStore(tmp_path / "mlflow"), training_set()
    scored = {key: ["p1", "p0"] for key in QUERIES}
    trial = try_orders(CANDIDATES, training, scored, {}, rrf_k=60)
    stage = RankingStage("linear", train_linear(training), STATISTICS)
    tracking = Tracking(store)

    run_id = log_ranking_run(
        tracking, tracking.refresh("examples"), CANDIDATES, trial, stage=stage, training=training
    )

    run = store.connect().get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["ranker"] == trial.ranker
    assert run.data.params["order/words"] == (trial.choices[0].single or trial.choices[0].order)
    # the right product is second in one list and first in the other
    assert run.data.metrics["words/text/ndcg_at_10"] == 1.0
    assert 0.6 < run.data.metrics["words/lexical/ndcg_at_10"] < 0.7
    for name in (*TRAINERS, "scores", "ranks"):
        assert f"words/{name}/ndcg_at_10" in run.data.metrics
    file = store.connect().download_artifacts(run_id, "tables/feature_importances.csv", str(tmp_path))
    rows = list(csv.DictReader(Path(file).read_text(encoding="utf-8").splitlines()))
    assert {row["feature"] for row in rows} == set(FEATURES)
    effects = [float(row["effect"]) for row in rows]
    assert effects == sorted(effects, reverse=True)
