"""The table people read: all queries first, branches in their order."""

import polars as pl
import pytest

from mmsearch_dagster.core.evaluation.quality_table import metrics_of_retriever, quality_table, verdict
from mmsearch_dagster.core.gate.policy import GatePolicy

SCHEMA = {
    "query_id": pl.String,
    "branch": pl.String,
    "kind": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
}


def values(*rows: tuple[str, str, str, str, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_means_by_branch_and_kind_with_all_first() -> None:
    metric = GatePolicy().metric
    table = quality_table(
        values(
            ("1", "zebra", "words", metric, 0.25),
            ("2", "zebra", "picture", metric, 0.75),
            ("1", "zebra", "words", "other", 1.0),
            ("1", "apple", "words", metric, 1.0),
        )
    )
    assert table.select("kind", "branch", "queries").rows() == [
        ("all", "zebra", 2),
        ("all", "apple", 1),
        ("picture", "zebra", 1),
        ("words", "zebra", 1),
        ("words", "apple", 1),
    ]
    first = table.row(0, named=True)
    assert first[metric] == 0.5
    assert first["other"] == 1.0
    assert 0.25 <= first["low"] <= first["high"] <= 0.75


def test_equal_values_have_an_interval_of_no_width() -> None:
    metric = GatePolicy().metric
    row = quality_table(values(*((str(n), "b", "words", metric, 0.5) for n in range(4)))).row(0, named=True)
    assert (row["low"], row["high"]) == pytest.approx((0.5, 0.5))


def test_no_values_are_an_empty_table() -> None:
    assert quality_table(values()).is_empty()


def test_figures_of_one_branch_have_names_with_their_kind() -> None:
    metric = GatePolicy().metric
    table = quality_table(
        values(
            ("1", "fused: concat", "words", metric, 0.25),
            ("2", "fused: concat", "picture", metric, 0.75),
            ("1", "fused: concat", "words", "mrr", 1.0),
            ("1", "bm25", "words", metric, 0.9),
        )
    )
    figures = metrics_of_retriever(table, "fused: concat", metric)
    assert figures["all/ndcg@10"] == 0.5
    assert figures["all/ndcg@10 low"] == 0.25
    assert figures["words/mrr"] == 1.0
    assert figures["picture/queries"] == 1.0
    assert metrics_of_retriever(table, "text only", metric) == {}


def test_a_verdict_is_one_sentence_with_figure_and_interval() -> None:
    policy = GatePolicy()
    table = quality_table(
        values(("1", "engine", "words", policy.metric, 0.5), ("2", "engine", "words", policy.metric, 0.5))
    )
    assert verdict(table, policy, retriever="engine", strategy="concat", passed=True, provenance="log") == (
        "Strategy concat, passed by the gate: ndcg@10 0.5000 (95% interval 0.5000 to 0.5000) on 2 validation "
        "queries, graded by clicks, carts and purchases of the log."
    )
    nothing = verdict(
        table.clear(), policy, retriever="engine", strategy="concat", passed=False, provenance="log"
    )
    assert nothing == "Strategy concat, refused by the gate; no validation queries."
