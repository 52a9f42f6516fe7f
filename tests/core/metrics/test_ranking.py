import doctest
import time

import ir_measures
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, R, Success, nDCG

from mmsearch_dagster.core.errors import ConfigError, SourceError
from mmsearch_dagster.core.metrics import ranking as metrics
from mmsearch_dagster.core.metrics.ranking import by_query, means, per_query

PRODUCTS = [f"p{number}" for number in range(12)]
GRADES = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(0, 3), min_size=1)
RANKING = st.lists(st.sampled_from(PRODUCTS), unique=True)


def value(ranked: list[str], judged: dict[str, int], metric: str) -> float:
    return by_query(per_query({"q": ranked}, {"q": judged}, metrics=[metric]), metric)["q"]


def test_the_worked_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(metrics, extraglobs={"np": np}).attempted >= 5
    assert doctest.testmod(metrics, extraglobs={"np": np}).failed == 0


def test_values_that_can_be_checked_by_hand() -> None:
    judged = {"a": 3, "b": 1, "c": 0}
    assert value(["c", "a", "b"], judged, "mrr") == pytest.approx(1 / 2)
    assert value(["c", "a", "b"], judged, "map") == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert value(["c", "a", "b"], judged, "recall@2") == pytest.approx(1 / 2)
    assert value(["a", "b"], judged, "ndcg@10") == 1.0
    assert value(["b", "a"], judged, "top1") == 0.0
    assert value(["b", "a"], judged, "success@2") == 1.0


@given(st.dictionaries(st.sampled_from(["q1", "q2", "q3"]), st.tuples(GRADES, RANKING), min_size=1))
def test_agrees_with_ir_measures(cases: dict[str, tuple[dict[str, int], list[str]]]) -> None:
    judged = {query: grades for query, (grades, _) in cases.items()}
    ranked = {query: ranking for query, (_, ranking) in cases.items()}
    reference = {
        "ndcg@10": nDCG(gains={0: 0, 1: 1, 2: 3, 3: 7}) @ 10,
        "recall@1": R @ 1,
        "recall@10": R @ 10,
        "recall@50": R @ 50,
        "mrr": RR,
        "map": AP,
    }
    run = {query: {p: -float(i) for i, p in enumerate(ranking)} for query, ranking in ranked.items()}
    run = {query: scores or {"nothing": 0.0} for query, scores in run.items()}
    theirs = {
        (result.query_id, str(result.measure)): result.value
        for result in ir_measures.iter_calc(list(reference.values()), judged, run)
    }
    for row in per_query(ranked, judged, metrics=list(reference)).iter_rows(named=True):
        other = theirs[row["query_id"], str(reference[row["metric"]])]
        assert row["value"] == pytest.approx(other, abs=1e-6), row


@given(GRADES, RANKING)
def test_top1_is_success_at_the_best_grade(judged: dict[str, int], ranking: list[str]) -> None:
    best = max(judged.values())
    run = {"q": {p: -float(i) for i, p in enumerate(ranking)} or {"nothing": 0.0}}
    theirs = ir_measures.calc_aggregate([Success(rel=max(best, 1)) @ 1], {"q": judged}, run)
    assert value(ranking, judged, "top1") == next(iter(theirs.values()))


@given(GRADES, RANKING)
def test_every_value_lies_between_zero_and_one(judged: dict[str, int], ranking: list[str]) -> None:
    values = per_query({"q": ranking}, {"q": judged})["value"]
    assert values.is_between(0.0, 1.0 + 1e-12).all()


@given(GRADES, RANKING, st.data())
def test_moving_a_better_product_up_never_costs_ndcg(
    judged: dict[str, int], ranking: list[str], data: st.DataObject
) -> None:
    swappable = [
        i for i in range(1, len(ranking)) if judged.get(ranking[i], 0) > judged.get(ranking[i - 1], 0)
    ]
    if not swappable:
        return
    i = data.draw(st.sampled_from(swappable))
    better = [*ranking]
    better[i - 1], better[i] = better[i], better[i - 1]
    assert value(better, judged, "ndcg@10") >= value(ranking, judged, "ndcg@10") - 1e-12


def test_a_repeated_product_counts_once() -> None:
    assert value(["a", "a", "b"], {"a": 1, "b": 1}, "map") == value(["a", "b"], {"a": 1, "b": 1}, "map")


def test_a_query_without_an_answer_or_a_relevant_product_scores_zero() -> None:
    values = per_query({"unjudged": ["a"]}, {"silent": {"a": 3}, "hopeless": {"a": 0, "b": -1}})
    assert set(values["query_id"]) == {"silent", "hopeless"}
    assert values["value"].to_list() == [0.0] * values.height


def test_no_queries_give_an_empty_table_of_the_same_shape() -> None:
    values = per_query({}, {})
    assert values.schema == pl.Schema({"query_id": pl.String, "metric": pl.String, "value": pl.Float64})
    assert means(values) == {}


def test_means_keep_the_order_of_the_metrics() -> None:
    values = per_query({"a": ["x"], "b": ["y"]}, {"a": {"x": 1}, "b": {"x": 1}})
    assert list(means(values)) == list(metrics.DEFAULT)
    assert means(values)["mrr"] == 0.5


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    for name, near in (("nDCG@10", "ndcg@10"), ("ndcg@0", "ndcg@10"), ("rcall@10", "recall@10")):
        with pytest.raises(ConfigError, match=f"did you mean '{near}'"):
            per_query({}, {}, metrics=[name])


def test_an_impossible_grade_names_its_query() -> None:
    with pytest.raises(SourceError, match="'q' has grade 4000"):
        per_query({}, {"q": {"a": 4000}})


def test_three_thousand_queries_take_less_time_than_with_the_reference() -> None:
    draw = np.random.default_rng(0)
    ids = [f"product {number}" for number in range(2_000)]
    picks = draw.integers(0, 2_000, size=(3_000, 110))
    ranked = {str(q): list(dict.fromkeys(ids[i] for i in row[:100])) for q, row in enumerate(picks)}
    judged = {str(q): {ids[i]: 1 + int(i) % 3 for i in row[95:]} for q, row in enumerate(picks)}
    run = {q: {p: 1.0 / (1 + place) for place, p in enumerate(found)} for q, found in ranked.items()}
    start = time.process_time()
    values = per_query(ranked, judged)
    ours = time.process_time() - start
    assert values.height == 3_000 * len(metrics.DEFAULT)
    start = time.process_time()
    list(ir_measures.iter_calc([nDCG @ 10, R @ 10, R @ 50, RR, AP], judged, run))
    assert ours < time.process_time() - start
