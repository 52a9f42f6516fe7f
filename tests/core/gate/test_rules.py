import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.gate.decision import Decision, EvaluationMetrics, Reason
from mmsearch_dagster.core.gate.policy import (
    ChampionRule,
    GatePolicy,
    SingleBranchRule,
    SliceRule,
    SliceRules,
    parse_policy,
)
from mmsearch_dagster.core.gate.rules import decide, decide_baseline

POLICY = GatePolicy(resamples=300)
QUERIES = [f"q{number:02d}" for number in range(40)]
KINDS = {query: ("words" if i % 2 else "picture") for i, query in enumerate(QUERIES)}


def values(low: float, high: float, seed: int = 0) -> dict[str, float]:
    drawn = np.random.default_rng(seed).uniform(low, high, size=len(QUERIES))
    return dict(zip(QUERIES, drawn.tolist(), strict=True))


def raised(base: dict[str, float], by: float) -> dict[str, float]:
    return {query: min(1.0, value + by) for query, value in base.items()}


TEXT = {query: (0.7 if kind == "words" else 0.0) for query, kind in KINDS.items()}
PICTURE = {query: (0.6 if kind == "picture" else 0.0) for query, kind in KINDS.items()}
BM25 = {query: (0.65 if kind == "words" else 0.0) for query, kind in KINDS.items()}
GOOD = EvaluationMetrics(
    weights_sha256="a" * 64,
    kinds=KINDS,
    engine=values(0.75, 0.95, 1),
    fused=values(0.7, 0.9, 2),
    branches={"text": TEXT, "image": PICTURE, "bm25": BM25},
)


def changed(**facts: object) -> EvaluationMetrics:
    return GOOD.model_copy(update=facts)


def rule(decision: Decision, name: str) -> Reason:
    return next(reason for reason in decision.reasons if reason.rule == name)


def test_a_good_first_candidate_passes_with_a_sentence_for_each_rule() -> None:
    decision = decide(GOOD, POLICY)
    assert decision.passed
    assert decision.refusals == ()
    assert rule(decision, "champion").text == "there is no champion yet"
    sentence = rule(decision, "engine_beats_best_branch").text
    assert "image for picture, text for words" in sentence
    assert "against 0.6500" in sentence
    assert "40 queries" in sentence


def test_too_few_queries_are_refused_with_what_to_do() -> None:
    decision = decide(changed(kinds={"q00": "words"}), POLICY)
    assert not decision.passed
    assert "only 1 queries, judged by people; the policy asks for at least 20" in decision.refusals[0]


def test_no_queries_at_all_are_refused_not_a_crash() -> None:
    decision = decide(changed(kinds={}, engine={}, fused={}, branches={}), POLICY)
    assert not decision.passed
    assert Decision.from_json(decision.to_json()).refusals == decision.refusals


def test_an_engine_that_only_equals_its_best_branch_is_no_worse_than_it() -> None:
    """The engine leaves to a single retriever what nothing is shown to do better."""
    both = {query: TEXT[query] + PICTURE[query] for query in QUERIES}
    decision = decide(changed(engine=both, fused=both), POLICY)
    assert decision.passed
    assert "is not shown to beat its best single retriever" in rule(decision, "engine_beats_best_branch").text


def test_an_engine_behind_its_best_branch_is_refused() -> None:
    behind = {query: max(TEXT[query] + PICTURE[query] - 0.01, 0.0) for query in QUERIES}
    reason = rule(decide(changed(engine=behind), POLICY), "engine_beats_best_branch")
    assert not reason.passed
    assert "the engine falls behind its best single retriever" in reason.text


def test_only_an_interval_above_zero_is_called_better() -> None:
    assert "the engine beats" in rule(decide(GOOD, POLICY), "engine_beats_best_branch").text
    lucky = {q: (1.0 if i < 4 else TEXT[q] + PICTURE[q]) for i, q in enumerate(QUERIES)}
    level = rule(decide(changed(engine={**lucky, "q39": 0.0}), POLICY), "engine_beats_best_branch")
    assert "the engine is not shown to beat" in level.text


def test_a_fused_vector_to_which_the_engine_leaves_nothing_needs_no_proof() -> None:
    reason = rule(decide(changed(fused={}), POLICY), "fusion_beats_best_encoder")
    assert reason.passed
    assert reason.text == "the engine leaves no kind of query to the fused vector alone"


def test_queries_that_nobody_judged_cannot_tell_which_engine_is_better() -> None:
    behind = {query: value / 2 for query, value in TEXT.items()}
    made_up = decide(changed(engine={**GOOD.engine, **behind}, fused=behind, provenance="catalogue"), POLICY)
    assert made_up.passed
    for name in ("engine_beats_best_branch", "fusion_beats_best_encoder"):
        assert rule(made_up, name).text.startswith("not binding, for nobody judged a query")
    assert not decide(changed(engine=dict.fromkeys(QUERIES, 0.0), provenance="catalogue"), POLICY).passed


def test_the_champion_is_held_only_to_queries_it_has_values_for() -> None:
    half = {query: GOOD.engine[query] for query in QUERIES[:20]}
    reason = rule(decide(changed(champion=half), POLICY), "champion")
    assert reason.passed
    assert "20 queries" in reason.text


def test_where_nothing_is_released_yet_the_best_single_retriever_is() -> None:
    refused = decide(changed(engine=dict.fromkeys(QUERIES, 0.05)), POLICY)
    decision = decide_baseline(changed(engine=BM25), POLICY, refused)
    assert decision.passed
    assert [reason.rule for reason in decision.reasons] == ["baseline"]
    assert all(why in decision.reasons[0].text for why in refused.refusals)
    assert Decision.from_json(decision.to_json()) == decision


def test_full_text_search_cannot_carry_a_random_vector_through() -> None:
    decision = decide(changed(fused=values(0.0, 0.2)), POLICY)
    assert not rule(decision, "fusion_beats_best_encoder").passed
    assert rule(decision, "engine_beats_best_branch").passed
    assert not decision.passed


def test_a_gain_that_rests_on_a_few_queries_is_refused() -> None:
    lucky = {q: (1.0 if i < 8 else TEXT[q] + PICTURE[q] - 0.07) for i, q in enumerate(QUERIES)}
    reason = rule(decide(changed(engine=lucky), POLICY), "engine_beats_best_branch")
    assert reason.figure > 0
    assert not reason.passed


def test_with_one_branch_or_a_perfect_one_a_draw_is_enough() -> None:
    alone = changed(branches={"text": TEXT}, engine=TEXT, fused=TEXT)
    assert decide(alone, POLICY).passed
    perfect = dict.fromkeys(QUERIES, 1.0)
    crowded = changed(branches={"text": perfect, "bm25": perfect}, engine=perfect, fused=perfect)
    assert decide(crowded, POLICY).passed


def alone(engine: dict[str, float]) -> Reason:
    """What is said of an engine beside one encoder, `TEXT`."""
    return rule(decide(changed(branches={"text": TEXT}, engine=engine), POLICY), "engine_beats_best_branch")


def test_where_a_draw_is_enough_nobody_is_refused_by_chance() -> None:
    """Of two that are equally good one has the better mean, by luck."""
    reason = alone({**TEXT, "q01": TEXT["q01"] - 0.7, "q03": TEXT["q03"] + 0.2})
    assert reason.figure < 0
    assert reason.passed
    assert "asked: at least -0.0200, high end not below 0" in reason.text


def test_what_is_shown_to_be_behind_or_lies_far_behind_is_no_draw() -> None:
    assert not alone(raised(TEXT, -0.001)).passed
    assert not alone({**TEXT, "q01": 0.0, "q03": 0.0}).passed


def test_a_fused_vector_is_refused_where_it_is_shown_to_fall_behind() -> None:
    few = {**TEXT, "q01": 0.0, "q03": 0.0}
    assert rule(
        decide(changed(branches={"text": TEXT}, fused=few), POLICY), "fusion_beats_best_encoder"
    ).passed
    shown = rule(
        decide(changed(branches={"text": TEXT}, fused=raised(TEXT, -0.001)), POLICY),
        "fusion_beats_best_encoder",
    )
    assert not shown.passed


def test_the_policy_chooses_how_the_best_branch_is_chosen() -> None:
    middling = dict.fromkeys(QUERIES, 0.5)
    easy = GatePolicy(resamples=300, single_branch=SingleBranchRule(choose="overall"))
    candidate = changed(engine=middling, fused=middling)
    assert decide(candidate, easy).passed
    assert not decide(candidate, POLICY).passed


def test_the_champion_may_not_be_lost_to() -> None:
    champion = raised(GOOD.engine, 0.04)
    decision = decide(changed(champion=champion), POLICY)
    assert not rule(decision, "champion").passed
    assert decide(changed(champion=GOOD.engine), POLICY).passed


def test_a_loss_on_one_kind_is_seen_behind_a_gain_on_another() -> None:
    champion = {q: v + (0.08 if KINDS[q] == "words" else -0.2) for q, v in GOOD.engine.items()}
    decision = decide(changed(champion=champion), POLICY)
    assert rule(decision, "champion").passed
    assert not rule(decision, "slice[kind=words]").passed
    few = GatePolicy(resamples=300, slices=SliceRules(kind=SliceRule(min_queries=21)))
    assert decide(changed(champion=champion), few).passed
    assert rule(decide(changed(champion=champion), few), "slice[kind=words]").cannot_tell


def test_kinds_of_query_and_other_slices_are_corrected_together() -> None:
    """One slice more makes it harder to show a drop in any of them."""
    engine = dict.fromkeys(QUERIES, 0.5)
    words = {q: (0.77 if i % 4 == 1 else 0.42) for i, q in enumerate(QUERIES) if KINDS[q] == "words"}
    report = changed(engine=engine, champion={**engine, **words})
    alone = rule(decide(report, POLICY), "slice[kind=words]")
    pictures = tuple(query for query in QUERIES if KINDS[query] == "picture")
    others = {f"category={number}": pictures for number in range(12)}
    among = rule(decide(report.model_copy(update={"slices": others}), POLICY), "slice[kind=words]")
    assert alone.figure == among.figure < among.limit
    assert (alone.passed, among.passed) == (False, True)


def test_a_policy_of_before_kinds_were_slices_still_reads() -> None:
    policy = parse_policy("champion: {max_drop: 0.1, max_drop_per_kind: 0.2, min_queries_per_kind: 9}", "x")
    assert (policy.champion.max_drop, policy.slices.kind) == (0.1, SliceRule(max_drop=0.2, min_queries=9))


def test_a_remembered_champion_may_not_be_lost_to_either_and_is_told_as_such() -> None:
    note = "its image encoder is not the one of this run"
    decision = decide(changed(champion=raised(GOOD.engine, 0.04), champion_note=note), POLICY)
    assert not rule(decision, "champion").passed
    sentence = rule(decision, "champion").text
    assert "remembered from its own evaluation, not measured again (its image encoder" in sentence
    assert "difference to the remembered champion" in rule(decision, "slice[kind=words]").text
    assert decide(changed(champion=GOOD.engine, champion_note=note), POLICY).passed


def test_a_champion_that_cannot_be_compared_is_the_policys_choice() -> None:
    report = changed(champion_note="its text encoder is not installed")
    assert decide(report, POLICY).passed
    strict = GatePolicy(resamples=300, champion=ChampionRule(not_comparable="refuse"))
    assert "its text encoder is not installed" in decide(report, strict).refusals[0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", ["engine", "fused", "champion", "branch"])
def test_a_figure_that_is_no_number_never_passes(bad: float, where: str) -> None:
    broken = {**GOOD.engine, "q07": bad}
    facts = {"branches": {**GOOD.branches, "image": broken}} if where == "branch" else {where: broken}
    decision = decide(changed(**facts), POLICY)
    assert not decision.passed
    assert "NaN or infinite" in rule(decision, "finite_figures").text


def test_a_query_without_a_figure_never_passes() -> None:
    partial = {query: value for query, value in GOOD.engine.items() if query != "q03"}
    assert not decide(changed(engine=partial), POLICY).passed


RISES = st.lists(st.floats(0, 0.5), min_size=len(QUERIES), max_size=len(QUERIES))
SEEDS = st.integers(0, 10_000)


@settings(max_examples=40, deadline=None)
@given(SEEDS, SEEDS, RISES)
def test_a_better_candidate_never_turns_a_pass_into_a_refusal(
    seed: int, champion_seed: int, rises: list[float]
) -> None:
    report = changed(
        engine=values(0.5, 0.9, seed),
        fused=values(0.5, 0.9, seed),
        champion=values(0.45, 0.9, champion_seed),
    )
    better = {q: min(1.0, v + up) for (q, v), up in zip(report.engine.items(), rises, strict=True)}
    before = decide(report, POLICY)
    after = decide(report.model_copy(update={"engine": better, "fused": better}), POLICY)
    for old, new in zip(before.reasons, after.reasons, strict=True):
        assert new.passed or not old.passed, (old, new)


@settings(max_examples=20, deadline=None)
@given(st.permutations(QUERIES))
def test_the_order_of_queries_is_irrelevant(order: list[str]) -> None:
    def shuffled(lookup: dict) -> dict:
        return {query: lookup[query] for query in order}

    report = changed(champion=values(0.7, 0.9, 5))
    branches = {name: shuffled(lookup) for name, lookup in reversed(report.branches.items())}
    moved = report.model_copy(
        update={name: shuffled(getattr(report, name)) for name in ("kinds", "engine", "fused", "champion")}
        | {"branches": branches}
    )
    assert decide(moved, POLICY) == decide(report, POLICY)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_a_random_candidate_beside_a_good_branch_is_always_refused(seed: int) -> None:
    good = dict.fromkeys(QUERIES, 0.8)
    random = values(0.0, 1.0, seed)
    assert not decide(changed(engine=random, fused=random, branches={"text": good}), POLICY).passed


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_a_decision_survives_storage(seed: int) -> None:
    decision = decide(changed(engine=values(0.2, 0.9, seed)), POLICY)
    assert Decision.from_json(decision.to_json()) == decision


def test_nan_survives_storage_as_a_refusal() -> None:
    decision = decide(changed(engine={**GOOD.engine, "q00": math.nan}), POLICY)
    stored = Decision.from_json(json.dumps(json.loads(decision.to_json())))
    assert not stored.passed
    assert math.isnan(rule(stored, "floor").figure)


def test_a_forged_pass_is_not_a_decision() -> None:
    refused = json.loads(decide(changed(engine=values(0, 0.1)), POLICY).to_json())
    with pytest.raises(ValidationError):
        Decision.from_json(json.dumps({**refused, "passed": True}))
    with pytest.raises(ValidationError):
        Decision.from_json(json.dumps({**refused, "passed": True, "reasons": []}))


def test_a_decision_names_its_weights_and_its_report() -> None:
    first = decide(GOOD, POLICY)
    other = decide(changed(weights_sha256="b" * 64), POLICY)
    assert first.weights_sha256 == GOOD.weights_sha256
    assert first.report_digest != other.report_digest
    assert first.policy_digest != decide(GOOD, GatePolicy(resamples=301)).policy_digest


def test_the_shipped_policy_is_readable_and_every_key_is_written_out() -> None:
    path = Path(__file__).parents[3] / "assets/policies/gate.yaml"
    policy = parse_policy(path.read_text(encoding="utf-8"), str(path))
    assert policy.model_fields_set == set(GatePolicy.model_fields)
    assert policy.champion.model_fields_set == set(ChampionRule.model_fields)
    assert policy.single_branch.model_fields_set == set(SingleBranchRule.model_fields)
    assert decide(GOOD, policy).passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("min_querys: 3", "min_querys: unknown key; did you mean 'min_queries'"),
        ("champion: {max_drp: 0.1}", "champion.max_drp: unknown key; did you mean 'max_drop'"),
        ("zzz: 1", "zzz: unknown key; known: champion, confidence"),
        ("min_queries: many", "min_queries: Input should be a valid integer"),
        ("confidence: 1.5", "confidence: Input should be less than 1"),
        ("metric: ndgc@10", "did you mean 'ndcg@10'"),
        ("floor: .nan", "floor: Input should be"),
        ("champion: 3", "champion: Input should be"),
        ("- a list", "Input should be"),
        ("a: [", "not readable as YAML"),
    ],
)
def test_a_wrong_policy_names_file_key_and_nearest(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_policy(text, "gate.yaml")
    assert message in str(caught.value)
    assert "gate.yaml" in str(caught.value)


def test_an_empty_policy_is_the_defaults() -> None:
    assert parse_policy("", "gate.yaml") == GatePolicy()


COUNTS_WITHOUT_JUDGMENTS = {"judged": 12, "log": 49, "catalogue": 200, "review": 900}


def test_the_most_trusted_queries_of_which_there_are_enough_decide() -> None:
    assert POLICY.deciding({"judged": 20, "log": 500, "catalogue": 200}) == "judged"
    assert POLICY.deciding(COUNTS_WITHOUT_JUDGMENTS) == "catalogue"
    assert POLICY.deciding({**COUNTS_WITHOUT_JUDGMENTS, "log": 50}) == "log"


def test_reviews_decide_only_where_the_policy_lets_them() -> None:
    assert POLICY.deciding({"review": 900}) == "judged"
    text = "provenance: {review: {may_decide: true, min_queries: 500}}"
    assert parse_policy(text, "gate.yaml").deciding({"review": 900}) == "review"


def test_where_none_has_enough_the_one_that_lacks_the_fewest_is_refused() -> None:
    assert POLICY.deciding({"judged": 3, "catalogue": 11}) == "catalogue"
    assert POLICY.deciding({}) == "judged"


def test_a_gate_that_decides_on_queries_nobody_judged_says_so() -> None:
    report = changed(provenance="catalogue", counts={"judged": 12, "catalogue": 40})
    sentence = rule(decide(report, POLICY), "enough_queries").text
    assert sentence == (
        "40 queries, made from the catalogue, judged by nobody; at least 20 asked; beside them, "
        "to look at: 12 judged by people"
    )
