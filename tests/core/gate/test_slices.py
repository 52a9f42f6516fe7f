"""Parts of the queries are held against the champion one by one."""

from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.gate.decision import Decision, Reason
from mmsearch_dagster.core.gate.policy import GatePolicy, SliceRule, SliceRules
from mmsearch_dagster.core.gate.slices import slice_reasons

POLICY = GatePolicy(resamples=500)
QUERIES = [f"q{number:03}" for number in range(100)]
CHAMPION = {query: 0.6 + 0.3 * (number % 2) for number, query in enumerate(QUERIES)}


def reason_of(reasons: list[Reason], name: str) -> Reason:
    return next(reason for reason in reasons if reason.rule == f"slice[{name}]")


def test_a_slice_that_is_shown_to_fall_behind_is_a_refusal_that_says_where() -> None:
    engine = {query: value - (0.3 if query < "q030" else 0.0) for query, value in CHAMPION.items()}
    slices = {"category=Shoes": QUERIES[:30], "category=Toys": QUERIES[30:]}
    reasons = slice_reasons(engine, CHAMPION, slices, POLICY)
    shoes, toys = reason_of(reasons, "category=Shoes"), reason_of(reasons, "category=Toys")
    assert (shoes.refuses, toys.refuses) == (True, False)
    assert "category=Shoes: difference to the champion -0.3000 over 30 queries" in shoes.text


def test_too_few_queries_are_no_pass_and_bind_only_where_the_policy_requires_it() -> None:
    slices = {"cold_items": QUERIES[:5]}
    (free,) = slice_reasons(CHAMPION, CHAMPION, slices, POLICY)
    assert (free.passed, free.cannot_tell, free.refuses) == (False, True, False)
    assert free.text == "cold_items: cannot tell, 5 queries and at least 20 asked"

    strict = POLICY.model_copy(update={"slices": SliceRules(cold_items=SliceRule(required=True))})
    (bound,) = slice_reasons(CHAMPION, CHAMPION, slices, strict)
    assert bound.refuses


def test_a_drop_that_may_be_chance_is_no_refusal() -> None:
    noisy = {
        query: value + (0.4 if number % 2 else -0.55)
        for number, (query, value) in enumerate(CHAMPION.items())
    }
    (reason,) = slice_reasons(noisy, CHAMPION, {"language=en": QUERIES[:24]}, POLICY)
    assert reason.figure < -0.05
    assert reason.passed


def test_a_missing_value_never_passes() -> None:
    engine = {**CHAMPION, "q000": float("nan")}
    (reason,) = slice_reasons(engine, CHAMPION, {"language=en": QUERIES}, POLICY)
    assert reason.refuses


def test_a_decision_of_before_there_were_slices_still_reads() -> None:
    text = (
        '{"passed": true, "reasons": [{"rule": "floor", "passed": true, "figure": 1, "limit": 0, '
        '"text": ""}], '
        '"weights_sha256": "w", "report_digest": "r", "policy_digest": "p"}'
    )
    assert Decision.from_json(text).reasons[0].binding


@given(st.lists(st.floats(-0.5, 0.5), min_size=40, max_size=40), st.integers(0, 39), st.floats(0, 0.5))
def test_better_values_never_turn_a_pass_into_a_refusal(changes: list[float], row: int, gain: float) -> None:
    policy = GatePolicy(resamples=100)
    slices = {"category=a": QUERIES[:20], "category=b": QUERIES[20:40], "language=en": QUERIES[:40]}
    engine = {query: CHAMPION[query] + change for query, change in zip(QUERIES, changes, strict=False)}
    better = {**engine, QUERIES[row]: engine[QUERIES[row]] + gain}
    before = slice_reasons(engine, CHAMPION, slices, policy)
    after = slice_reasons(better, CHAMPION, slices, policy)
    assert all(now.passed or not then.passed for then, now in zip(before, after, strict=True))
