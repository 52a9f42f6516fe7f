"""What Dagster shows of the lists for people."""

from pathlib import Path

import polars as pl

from mmsearch_dagster.core.ranking.recommending import ListReport
from mmsearch_dagster.core.ranking.study import Study
from mmsearch_dagster.defs.people import ranker_report

BESIDE = ("coverage@10", "novelty@10 (bits)", "diversity@10", "calibration@10 (KL)", "popularity lift@10")


def test_what_lists_do_beside_being_right_has_a_picture(tmp_path: Path) -> None:
    rows = [
        {"order": order, "ndcg@10": 0.1, "low": 0.05, "high": 0.2, **dict.fromkeys(BESIDE, value)}
        for order, value in (("popular", 0.2), ("taste", 0.7))
    ]
    exposure = pl.DataFrame({"group": ["Toys"], "ratio": [1.2]})
    lists = ListReport(chosen="taste", reasons=(), measures=pl.DataFrame(rows), exposure=exposure)

    ranker_report.draw(Study(known=None, lists=lists, ranker=None), tmp_path)

    drawn = {file.stem for file in tmp_path.glob("*.png")}
    assert drawn == {"lists", "beside accuracy", "exposure"}
    assert drawn < set(ranker_report.PICTURES)


def test_the_titles_say_that_nothing_was_reordered_yet() -> None:
    for name in ("measures", "exposure"):
        assert "before diversity (MMR) and business rules" in ranker_report.TABLES[name]
