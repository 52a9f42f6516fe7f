"""One page for people, one JSON for programs, and files that other tools read."""

import json
from pathlib import Path

import ir_measures
import polars as pl
import pytest
from ir_measures import nDCG

from mmsearch_dagster.core.metrics.ranking import means, per_query
from mmsearch_dagster.pipeline.evaluation.ablation_files import write_report, write_trec

ROW = {
    "kind": "all",
    "group": "one modality",
    "branch": "<text> 文字",
    "queries": 3,
    "ndcg@10": 0.5,
    "low": 0.4,
}


def test_the_page_and_the_json_tell_the_same(tmp_path: Path) -> None:
    table = pl.DataFrame([ROW, {**ROW, "kind": "words", "ndcg@10": 0.25}])
    worth = [{"trial": "without image", "verdict": "pays"}]
    page, data = write_report(tmp_path, {"catalogue": "sh<op"}, {"test": (table, worth)}, ["one modality"])
    html, told = page.read_text(encoding="utf-8"), json.loads(data.read_text(encoding="utf-8"))
    assert told["splits"]["test"]["rows"] == table.to_dicts()
    assert told["splits"]["test"]["leave one out"] == worth
    assert "0.5000" in html
    assert "0.2500" in html
    assert "without image" in html
    assert "&lt;text&gt; 文字" in html
    assert "sh&lt;op" in html
    assert "<text>" not in html


def test_other_tools_read_the_runs_and_find_the_same_figures(tmp_path: Path) -> None:
    grades = {"q 1": {"a": 3, "b": 1}, "q2": {"c": 2}}
    found = {"q 1": ["b", "x", "a"], "q2": ["c"]}
    qrels, run = write_trec(tmp_path, grades, {"all modalities: weighted": found})
    assert (qrels.name, run.name) == ("qrels.txt", "all-modalities-weighted.run")
    theirs = ir_measures.calc_aggregate(
        [nDCG(gains={0: 0, 1: 1, 2: 3, 3: 7}) @ 10],
        list(ir_measures.read_trec_qrels(str(qrels))),
        list(ir_measures.read_trec_run(str(run))),
    )
    ours = means(per_query(found, grades, metrics=["ndcg@10"]))["ndcg@10"]
    assert next(iter(theirs.values())) == pytest.approx(ours, abs=1e-6)
