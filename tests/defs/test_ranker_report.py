"""What Dagster shows of a studied log."""

from mmsearch_dagster.core.ranking.evaluation import RankerDecision, RankerFigures
from mmsearch_dagster.core.ranking.fitting import FittedRanker
from mmsearch_dagster.core.ranking.network import Ranker, RankerSpec
from mmsearch_dagster.core.ranking.study import Study
from mmsearch_dagster.core.ranking.training import TrainedRanker
from mmsearch_dagster.defs.people.ranker_report import CLICKS, TABLES, tables


def studied() -> Study:
    ranker = Ranker(RankerSpec(width=2, features=("a",), mean=(0.0,), spread=(1.0,)))
    measures = {
        "AUC, ranker": 0.75,
        "AUC, ranker, person unknown": 0.7,
        "AUC, order as shown": 0.6,
        "calibration error, ranker": 0.02,
        "calibration error, ranker, person unknown": 0.03,
    }
    fitted = FittedRanker(
        TrainedRanker(ranker, (), (), 0),
        RankerFigures(corrected={}, plain={}),
        RankerDecision(promoted=False, reasons=()),
        measures,
    )
    return Study(None, None, fitted)


def test_how_well_clicks_are_told_is_a_table_of_orders() -> None:
    found = tables(studied())
    assert set(found) == set(TABLES)
    assert found[CLICKS] == [
        {"order": "ranker", "AUC": 0.75, "calibration error": 0.02},
        {"order": "ranker, person unknown", "AUC": 0.7, "calibration error": 0.03},
        {"order": "order as shown", "AUC": 0.6, "calibration error": None},
    ]


def test_without_a_ranker_there_is_no_such_table() -> None:
    assert tables(Study(None, None, None))[CLICKS] == []
