"""Recall and size of an index and the time of a search, as rules of the gate."""

import pytest

from mmsearch_dagster.core.gate.decision import Decision, Reason
from mmsearch_dagster.core.gate.policy import GatePolicy, LatencyRule
from mmsearch_dagster.core.gate.serving import (
    IndexFigures,
    ServingFigures,
    serving_reasons,
    typical_times,
    with_serving,
)

POLICY = GatePolicy(resamples=300)
QUERIES = [f"q{number:02}" for number in range(20)]
SMALL = IndexFigures(products=1000, size_bytes=100_000_000)
QUICK = {query: 40.0 + number for number, query in enumerate(QUERIES)}
GOOD = ServingFigures(
    recall=1.0,
    probes=0,
    index=SMALL,
    champion_index=SMALL,
    milliseconds=QUICK,
    champion_milliseconds=QUICK,
)
BEFORE = Decision(
    passed=True,
    reasons=(Reason(rule="floor", passed=True, figure=1.0, limit=0.0, text="fine"),),
    weights_sha256="w",
    report_digest="r",
    policy_digest="p",
)


def reason(rule: str, policy: GatePolicy = POLICY, **figures: object) -> Reason:
    reasons = serving_reasons(GOOD.model_copy(update=figures), policy)
    return next(reason for reason in reasons if reason.rule == rule)


def slower(times: float, plus: float = 0.0) -> dict[str, float]:
    return {query: value * times + plus for query, value in QUICK.items()}


def test_an_index_that_misses_what_exact_search_finds_is_refused() -> None:
    answer = reason("ann_recall", recall=0.91, probes=100)
    assert answer.refuses
    assert answer.text.startswith("vector search finds 91.0% of what exact search finds, on 100 queries")
    assert "every vector is compared" in reason("ann_recall").text


def test_an_index_far_larger_than_the_champions_is_refused_by_its_bytes_per_product() -> None:
    huge = IndexFigures(products=1000, size_bytes=210_000_000)
    assert reason("index_size", index=huge).refuses
    assert "2.10 times the champion's" in reason("index_size", index=huge).text
    twice_the_shop = IndexFigures(products=2100, size_bytes=210_000_000)
    assert reason("index_size", index=twice_the_shop).passed, "a shop may grow"


def test_a_few_megabytes_more_are_never_too_many() -> None:
    tiny, grown = (IndexFigures(products=10, size_bytes=size) for size in (100_000, 900_000))
    answer = reason("index_size", index=grown, champion_index=tiny)
    assert answer.passed
    assert answer.figure == answer.limit, "a margin below 0 would say that it was refused"


def test_a_search_that_is_shown_to_be_far_slower_is_refused() -> None:
    answer = reason("latency", milliseconds=slower(3.0))
    assert answer.refuses
    assert "3.00 times" in answer.text
    reported = POLICY.model_copy(update={"latency": LatencyRule(decides=False)})
    assert not reason("latency", reported, milliseconds=slower(3.0)).refuses


def test_a_slow_minute_of_the_machine_or_a_few_slow_queries_refuse_nothing() -> None:
    busy = {"milliseconds": slower(9.0), "champion_milliseconds": slower(8.5)}
    assert reason("latency", **busy).passed
    hiccup = {**QUICK, "q00": 4000.0, "q01": 3000.0}
    assert reason("latency", milliseconds=hiccup).passed
    assert reason("latency", milliseconds=slower(1.0, plus=45.0)).passed, "less than the slack"


@pytest.mark.parametrize("rule", ["index_size", "latency"])
def test_a_first_release_has_nothing_to_be_held_against(rule: str) -> None:
    answer = reason(rule, champion_index=None, champion_milliseconds={})
    assert (answer.passed, answer.cannot_tell, answer.refuses) == (False, True, False)


def test_the_decision_says_it_all_and_a_later_measurement_takes_the_place_of_the_first() -> None:
    slow = GOOD.model_copy(update={"milliseconds": slower(3.0)})
    refused = with_serving(BEFORE, slow, POLICY)
    assert [each.rule for each in refused.reasons] == ["floor", "ann_recall", "index_size", "latency"]
    assert (refused.passed, refused.serving_digest) == (False, slow.digest())
    assert refused.extends(BEFORE)
    assert not BEFORE.extends(refused)
    assert with_serving(refused, GOOD, POLICY).passed
    assert Decision.from_json(refused.to_json()) == refused


def test_what_else_the_machine_did_only_makes_a_round_longer() -> None:
    assert typical_times([{"a": 5.0, "b": 9.0}, {"a": 7.0, "b": 3.0}]) == {"a": 5.0, "b": 3.0}
    assert typical_times([]) == {}
