"""What Dagster shows of a studied log and of the lists for people."""

from pathlib import Path

import numpy as np
import polars as pl

from mmsearch_dagster.core.personalisation.evaluation import RankerDecision, RankerMetrics
from mmsearch_dagster.core.personalisation.experiment import Experiment
from mmsearch_dagster.core.personalisation.fit import FittedRanker
from mmsearch_dagster.core.personalisation.list_evaluation import ListReport
from mmsearch_dagster.core.personalisation.person_ranker import LinearPersonRanker, PersonSpec
from mmsearch_dagster.core.ranking.rankers.linear import LinearRanker
from mmsearch_dagster.pipeline.personalisation import ranker_report
from mmsearch_dagster.pipeline.personalisation.ranker_report import CLICKS, TABLES, WEIGHTS, tables

BESIDE = ("coverage@10", "novelty@10 (bits)", "diversity@10", "calibration@10 (KL)", "popularity lift@10")


def studied() -> Experiment:
    linear = LinearRanker(np.array([0.1, -0.7]), np.zeros(2), np.ones(2))
    spec = PersonSpec(features=("a", "b"), blocks={}, propensities=(1.0,), click=(1.0, 0.0))
    measures = {
        "AUC, ranker": 0.75,
        "AUC, ranker, person unknown": 0.7,
        "AUC, order as shown": 0.6,
        "calibration error, ranker": 0.02,
        "calibration error, ranker, person unknown": 0.03,
    }
    fitted = FittedRanker(
        LinearPersonRanker(linear, spec),
        RankerMetrics(corrected={}, plain={}),
        RankerDecision(promoted=False, reasons=()),
        measures,
    )
    return Experiment(None, None, fitted)


def test_how_well_clicks_are_told_is_a_table_of_orders() -> None:
    found = tables(studied())
    assert set(found) == set(TABLES)
    assert found[CLICKS] == [
        {"order": "ranker", "AUC": 0.75, "calibration error": 0.02},
        {"order": "ranker, person unknown", "AUC": 0.7, "calibration error": 0.03},
        {"order": "order as shown", "AUC": 0.6, "calibration error": None},
    ]


def test_what_each_feature_weighs_is_a_table_the_strongest_first() -> None:
    assert tables(studied())[WEIGHTS] == [
        {"feature": "b", "weight": -0.7},
        {"feature": "a", "weight": 0.1},
    ]


def test_without_a_ranker_there_is_no_such_table() -> None:
    assert tables(Experiment(None, None, None))[CLICKS] == []


def test_what_lists_do_beside_being_right_has_a_picture(tmp_path: Path) -> None:
    rows = [
        {"order": order, "ndcg@10": 0.1, "low": 0.05, "high": 0.2, **dict.fromkeys(BESIDE, value)}
        for order, value in (("popular", 0.2), ("taste", 0.7))
    ]
    exposure = pl.DataFrame({"group": ["Toys"], "ratio": [1.2]})
    lists = ListReport(chosen="taste", reasons=(), measures=pl.DataFrame(rows), exposure=exposure)

    ranker_report.draw(Experiment(state=None, lists=lists, ranker=None), tmp_path)

    drawn = {file.stem for file in tmp_path.glob("*.png")}
    assert drawn == {"lists", "beside accuracy", "exposure"}
    assert drawn == set(ranker_report.PICTURES)


def test_the_titles_say_that_nothing_was_reordered_yet() -> None:
    for name in ("measures", "exposure"):
        assert "before diversity (MMR) and business rules" in ranker_report.TABLES[name]
