"""Which events start a run, at which time; every line is decided by its arguments alone."""

from datetime import UTC, datetime, timedelta

import pytest

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.triggers.triggers import (
    DRIFT,
    SOURCE,
    Evidence,
    PastRun,
    TriggerPolicy,
    decide,
    parse_triggers,
)

NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)
POLICY = TriggerPolicy(retrainings_per_day=2)
DRIFTED = Evidence(DRIFT, "r-1:abc", "embedding drift in image, AUC 0.71 > 0.6")
EXPORTED = Evidence(SOURCE, "1-abc", "products.csv changed", since=NOON - timedelta(minutes=5))


def ago(hours: float, **run: object) -> PastRun:
    return PastRun(NOON - timedelta(hours=hours), **run)  # type: ignore[arg-type]


def test_drift_starts_a_training_and_says_why() -> None:
    decision = decide(NOON, [ago(10, trained=True)], POLICY, DRIFTED)
    assert (decision.launch, decision.retrain, decision.hold) == (True, True, "")
    assert decision.why == "embedding drift in image, AUC 0.71 > 0.6"


def test_a_changed_file_starts_a_refresh_that_trains_only_where_it_must() -> None:
    decision = decide(NOON, [], POLICY, EXPORTED)
    assert (decision.launch, decision.retrain, decision.hold) == (True, False, "")


@pytest.mark.parametrize("evidence", [DRIFTED, EXPORTED], ids=[DRIFT, SOURCE])
def test_nothing_starts_twice_for_the_same_reason(evidence: Evidence) -> None:
    earlier = ago(30, trigger=evidence.trigger, key=evidence.key)
    decision = decide(NOON, [earlier], POLICY, evidence)
    assert (decision.launch, decision.answered) == (False, True)
    assert "the run of 2026-05-02 06:00 UTC was started for it" in decision.why


def test_a_refresh_that_began_after_the_file_settled_has_read_it() -> None:
    decision = decide(NOON, [ago(0.05)], POLICY, EXPORTED)
    assert (decision.launch, decision.answered) == (False, True)
    assert decide(NOON, [ago(0.2)], POLICY, EXPORTED).launch


@pytest.mark.parametrize(("evidence", "hours"), [(DRIFTED, 12), (EXPORTED, 1 / 6)], ids=[DRIFT, SOURCE])
def test_a_trigger_cools_down_and_its_evidence_waits(evidence: Evidence, hours: float) -> None:
    cooling = decide(NOON, [ago(hours - 0.01, trigger=evidence.trigger, key="other")], POLICY, evidence)
    assert (cooling.launch, cooling.answered) == (False, False)
    assert "waits until 2026-05-03 12:00 UTC" in cooling.why
    assert decide(NOON, [ago(hours, trigger=evidence.trigger, key="other")], POLICY, evidence).launch


def test_the_cool_down_of_one_trigger_does_not_hold_the_other() -> None:
    assert decide(NOON, [ago(0.1, trigger=SOURCE, key="other")], POLICY, DRIFTED).launch


def test_a_used_up_budget_holds_trainings_and_never_a_catalogue() -> None:
    spent = [ago(1, trained=True), ago(23, trained=True)]
    drift, source = decide(NOON, spent, POLICY, DRIFTED), decide(NOON, spent, POLICY, EXPORTED)
    assert (drift.launch, drift.answered) == (False, False)
    assert "2 trainings in 24 hours, the policy allows 2" in drift.why
    assert source.launch
    assert source.hold == "2 trainings in 24 hours, the policy allows 2"


def test_a_day_later_the_budget_is_there_again() -> None:
    assert decide(NOON, [ago(1, trained=True), ago(24, trained=True)], POLICY, DRIFTED).launch


def test_a_trigger_can_be_switched_off() -> None:
    off = parse_triggers("drift:\n  enabled: false\n", "triggers.yaml")
    assert decide(NOON, [], off, DRIFTED).why == "trigger drift is off"
    assert decide(NOON, [], off, EXPORTED).launch


def test_a_clock_that_was_set_back_stops_no_trigger() -> None:
    tomorrow = ago(-24, trigger=DRIFT, key="other")
    assert decide(NOON, [tomorrow], POLICY, DRIFTED).launch


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("retrainings_per_dya: 3", "retrainings_per_dya: unknown key; did you mean 'retrainings_per_day'"),
        ("source:\n  settle_second: 3", "settle_second: unknown key; did you mean 'settle_seconds'"),
        ("retrainings_per_day: -1", "retrainings_per_day: Input should be greater than or equal to 0"),
        ("drift: 5", "drift: Input should be"),
    ],
)
def test_a_mistake_in_the_policy_is_named(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_triggers(text, "triggers.yaml")
    assert message in str(caught.value)
    assert "triggers.yaml" in str(caught.value)
