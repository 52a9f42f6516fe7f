"""A candidate that puts some products in front of others that are as good is refused."""

from collections.abc import Sequence

from mmsearch_dagster.core.gate.decision import AttributeExposure, Reason
from mmsearch_dagster.core.gate.exposure import exposure_reasons
from mmsearch_dagster.core.gate.policy import ExposureRule, ExposureRules, GatePolicy

POLICY = GatePolicy(resamples=300)
QUERIES = [f"q{number:02}" for number in range(40)]
FAIR = {query: (1.0, 1.0) for query in QUERIES}
# One of two brands that merit the same is always in front.
BIASED = {query: (1.9, 0.1) for query in QUERIES}


def reason(
    candidate: dict[str, tuple[float, ...]],
    champion: dict[str, tuple[float, ...]],
    *,
    policy: GatePolicy = POLICY,
    merit: Sequence[float] = (1.0, 1.0),
) -> Reason:
    exposure = AttributeExposure(
        values=("a", "b"),
        candidate=candidate,
        champion=champion,
        merit={query: tuple(merit) for query in QUERIES},
    )
    (answer,) = exposure_reasons({"brand": exposure}, policy)
    return answer


def test_exposure_that_moves_to_one_brand_without_merit_is_refused_in_words() -> None:
    answer = reason(BIASED, FAIR)
    assert answer.rule == "exposure[brand]"
    assert answer.refuses
    assert (
        "45.0% of it is not where the judged grades are, the champion's 0.0%, over 40 queries" in answer.text
    )


def test_what_is_as_unfair_as_the_champion_or_fairer_passes() -> None:
    assert reason(BIASED, BIASED).passed
    assert reason(FAIR, BIASED).passed


def test_a_brand_that_merits_the_exposure_may_have_it() -> None:
    assert reason(BIASED, FAIR, merit=(1.9, 0.1)).passed


def test_a_rise_that_rests_on_few_queries_may_be_chance() -> None:
    """All the unfairness comes of one query with very many results of one brand."""
    lucky = {**FAIR, "q00": (40.0, 0.0)}
    answer = reason(lucky, {**FAIR, "q01": (1.2, 0.8)})
    assert -answer.figure > 0.1
    assert answer.passed


def test_without_a_champion_or_enough_queries_nobody_can_tell() -> None:
    first = reason(BIASED, {})
    assert (first.passed, first.cannot_tell, first.refuses) == (False, True, False)
    assert "no results of a champion on these queries" in first.text

    few = {query: FAIR[query] for query in QUERIES[:5]}
    strict = POLICY.model_copy(update={"exposure": ExposureRules(brand=ExposureRule(required=True))})
    assert "5 queries and at least 20 asked" in reason(few, few).text
    assert reason(few, few, policy=strict).refuses
    assert not reason(BIASED, {}, policy=strict).refuses, "a first release has nothing to be held against"


def test_where_nothing_right_has_a_brand_nobody_can_tell() -> None:
    answer = reason(BIASED, FAIR, merit=(0.0, 0.0))
    assert answer.cannot_tell
    assert answer.text.endswith("no product that was judged right has a value")


def test_a_page_without_any_brand_is_no_error() -> None:
    empty = {query: (0.0, 0.0) for query in QUERIES}
    assert reason(empty, empty).passed
    assert reason(empty, FAIR).refuses
