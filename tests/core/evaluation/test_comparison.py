"""What the gate is told, in the metric of its policy."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from mmsearch_dagster.core.evaluation.comparison import (
    CHAMPION,
    ENGINE,
    FUSED,
    all_values,
    choose_winner,
    evaluation_metrics,
    winners_without,
)
from mmsearch_dagster.core.evaluation.quality_table import quality_table
from mmsearch_dagster.core.gate.policy import GatePolicy
from mmsearch_dagster.core.modalities import Matrix, ModalityBatch
from tests.core.judged import queries, rankings

ASKED = queries(3)
MEASURED = {
    ENGINE: rankings(ASKED, "wrong", "right"),
    FUSED: rankings(ASKED, "wrong"),
    "text only": rankings(ASKED, "right"),
    "fused: concat": rankings(ASKED, "right"),
    "bm25": rankings(ASKED),
}


def test_the_gate_decides_on_the_metric_of_its_policy() -> None:
    first = evaluation_metrics(MEASURED, ASKED, "recall@1", weights="w", note=None)
    assert first.engine == {"q0": 0.0, "q1": 0.0, "q2": 0.0}
    second = evaluation_metrics(MEASURED, ASKED, "recall@2", weights="w", note=None)
    assert second.engine == {"q0": 1.0, "q1": 1.0, "q2": 1.0}


def test_rivals_are_the_single_branches_and_the_champion() -> None:
    found = evaluation_metrics(MEASURED, ASKED, "mrr", weights="w", note="not comparable")
    assert set(found.branches) == {"text only", "bm25"}
    named_alike = {**MEASURED, "words and pictures only": rankings(ASKED, "right")}
    assert evaluation_metrics(named_alike, ASKED, "mrr", weights="w", note=None).branches == found.branches
    assert (found.champion, found.champion_note) == (None, "not comparable")
    reigning = {**MEASURED, CHAMPION: rankings(ASKED, "wrong", "worse", "bad", "right")}
    assert evaluation_metrics(reigning, ASKED, "mrr", weights="w", note=None).champion == dict.fromkeys(
        ASKED.batch.ids, 0.25
    )


def test_searches_are_measured_to_three_depths() -> None:
    told = set(all_values(MEASURED, ASKED)["metric"])
    assert {f"{name}@{depth}" for name in ("ndcg", "recall") for depth in (10, 20, 50)} <= told


def test_a_policys_own_metric_has_its_column_and_interval() -> None:
    table = quality_table(all_values(MEASURED, ASKED, "ndcg@5"), GatePolicy(metric="ndcg@5"))
    engine = table.filter(pl.col("branch") == ENGINE, pl.col("kind") == "all")
    assert engine["ndcg@5"].item() == engine["low"].item() == engine["high"].item() > 0.6


class RightFor:
    """A model that finds the right product first for some queries, and the wrong one for the others."""

    def __init__(self, *queries: str) -> None:
        self._queries = queries

    def items(self, batch: ModalityBatch) -> Matrix:
        return np.eye(2, dtype=np.float32)

    def queries(self, batch: ModalityBatch) -> Matrix:
        right, wrong = np.array([1.0, 0.1], np.float32), np.array([0.1, 1.0], np.float32)
        return np.stack([right if key in self._queries else wrong for key in batch.ids])


def test_no_query_is_measured_with_the_strategy_that_it_decided() -> None:
    asked = replace(queries(5), texts=("lamp", "mug", "kite", "ball", "duck"))
    items = ModalityBatch(("right", "wrong"), {}, {})
    models: Any = {"concat": RightFor("q0", "q1", "q2"), "weighted": RightFor("q2", "q3", "q4")}

    assert choose_winner(models, items, asked) == "concat"  # a draw: the first
    assert winners_without(models, items, asked) == {
        "q0": "weighted",
        "q1": "weighted",
        "q2": "concat",
        "q3": "concat",
        "q4": "concat",
    }


def test_where_one_strategy_is_best_everywhere_it_measures_every_query() -> None:
    asked = replace(queries(3), texts=("lamp", "mug", "kite"))
    models: Any = {"concat": RightFor(), "weighted": RightFor("q0", "q1", "q2")}
    items = ModalityBatch(("right", "wrong"), {}, {})

    assert winners_without(models, items, asked) == dict.fromkeys(asked.batch.ids, "weighted")
