"""The gate: a pure function decides from per-query figures and a reviewed policy, and says why.

Every value is a sum over the same queries, sorted by id, so their order changes nothing;
every rule asks for `figure >= limit` or `figure > limit`, so NaN never passes.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.gate.decision import Decision, EvaluationMetrics, Reason
from mmsearch_dagster.core.gate.exposure import exposure_reasons
from mmsearch_dagster.core.gate.policy import GatePolicy
from mmsearch_dagster.core.gate.slices import slice_reasons
from mmsearch_dagster.core.labels.provenance import JUDGED, LOG, provenance_phrase
from mmsearch_dagster.core.metrics.bootstrap import Difference, paired_difference

Values = NDArray[np.float64]
# The retriever that is not an encoder of the model: full-text search.
LEXICAL = "bm25"


def _values(lookup: Mapping[str, float], queries: Sequence[str]) -> Values:
    return np.array([lookup.get(query, float("nan")) for query in queries], dtype=np.float64)


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _difference(a: Values, b: Values, policy: GatePolicy) -> Difference:
    return paired_difference(a, b, resamples=policy.resamples, confidence=policy.confidence, seed=policy.seed)


def _interval_text(difference: Difference, policy: GatePolicy) -> str:
    return (
        f"difference {difference.mean:+.4f}, {policy.confidence:.0%} interval {difference.low:+.4f} to "
        f"{difference.high:+.4f}, {difference.queries} queries"
    )


def _complete(report: EvaluationMetrics, queries: Sequence[str]) -> Reason:
    """Every engine has a finite value for every query."""
    measured = {name: _values(lookup, queries) for name, lookup in report.branches.items()}
    measured["engine"] = _values(report.engine, queries)
    measured["fused"] = _values(report.fused, sorted(report.fused))
    if report.champion is not None:
        measured["champion"] = _values(report.champion, _compared(report.champion, report.kinds))
    bad = {name: count for name, column in measured.items() if (count := int((~np.isfinite(column)).sum()))}
    names = ", ".join(f"{name} ({count})" for name, count in bad.items())
    text = f"values are missing, NaN or infinite in: {names}" if bad else "every value is a finite number"
    return Reason(
        rule="finite_figures", passed=not bad, figure=float(sum(bad.values())), limit=0.0, text=text
    )


def _enough(queries: Sequence[str], report: EvaluationMetrics, policy: GatePolicy) -> Reason:
    """The sentence says how the answers are known, and what else there is that does not decide."""
    count, least = len(queries), policy.min_queries_of(report.provenance)
    passed = count >= least
    what = f"{count} queries, {provenance_phrase(report.provenance)}"
    others = [
        f"{number} {provenance_phrase(name)}"
        for name, number in report.counts.items()
        if name != report.provenance
    ]
    beside = f"; beside them, to look at: {'; '.join(others)}" if others else ""
    text = f"{what}; at least {least} asked{beside}"
    if not passed:
        text = (
            f"only {what}; the policy asks for at least {least}: add judged queries, or lower min_queries in "
            f"gate.yaml{beside}"
        )
    return Reason(rule="enough_queries", passed=passed, figure=float(count), limit=float(least), text=text)


def _floor(engine: Values, policy: GatePolicy) -> Reason:
    mean = _mean(engine)
    passed = mean >= policy.floor
    verdict = "reaches" if passed else "is below"
    text = f"{policy.metric} {mean:.4f} {verdict} the floor of {policy.floor}"
    return Reason(rule="floor", passed=passed, figure=mean, limit=policy.floor, text=text)


def _best_branch(retrievers: Mapping[str, Values], kinds: Sequence[str], choose: str) -> tuple[Values, str]:
    """Values of the best single retriever and its name, or one choice per kind put together."""
    groups = np.array(kinds) if choose == "per_kind" else np.full(len(kinds), "all queries")
    chosen = np.full(len(kinds), np.nan)
    names = {}
    for group in sorted(set(groups.tolist())):
        rows = groups == group
        names[group] = max(sorted(retrievers), key=lambda name: _mean(retrievers[name][rows]))
        chosen[rows] = retrievers[names[group]][rows]
    if len(set(names.values())) == 1:
        return chosen, next(iter(names.values()))
    return chosen, ", ".join(f"{name} for {group}" for group, name in names.items())


def _beats_branch(
    rule: str,
    values: Values,
    retrievers: Mapping[str, Values],
    *,
    what: str,
    kinds: Sequence[str],
    policy: GatePolicy,
    demand: "Demand",
) -> Reason:
    """How `values`, those of `what`, stand to the best single retriever, and whether that is enough."""
    if not retrievers or not kinds:
        return Reason(
            rule=rule,
            passed=False,
            figure=float("nan"),
            limit=0.0,
            text=f"no retriever to hold {what} against",
        )
    best, name = _best_branch(retrievers, kinds, policy.single_branch.choose)
    difference = _difference(values, best, policy)
    # One retriever leaves nothing to fuse, a perfect one nothing to gain.
    no_gain = len(retrievers) == 1 or _mean(best) >= policy.single_branch.ceiling
    limit, passed, wording = demand(difference, policy, no_gain)
    text = (
        f"{what} {_standing(difference)} its best single retriever ({name}): "
        f"{policy.metric} {_mean(values):.4f} against {_mean(best):.4f}, "
        f"{_interval_text(difference, policy)}; asked: {wording}"
    )
    return Reason(rule=rule, passed=passed, figure=difference.mean, limit=limit, text=text)


def _standing(difference: Difference) -> str:
    """A difference is shown only where its interval excludes zero."""
    if difference.low > 0.0:
        return "beats"
    return "falls behind" if difference.high < 0.0 else "is not shown to beat"


# Of a difference, under a policy, where nothing can be gained or not: limit of the mean, whether it is kept,
# and the demand in words.
Demand = Callable[[Difference, GatePolicy, bool], tuple[float, bool, str]]


def _not_behind(difference: Difference, policy: GatePolicy, no_gain: bool) -> tuple[float, bool, str]:
    """The demand on the engine.

    A kind of query for which nothing is shown to beat a single retriever is left to it, so a draw is enough.
    """
    if no_gain:
        return _drawn(difference, policy)
    slack = policy.single_branch.max_uncertainty
    passed = difference.low >= -slack and difference.high >= 0.0
    return -slack, passed, f"low end at least {-slack:+.4f}, high end not below 0"


def _not_shown_behind(difference: Difference, policy: GatePolicy, no_gain: bool) -> tuple[float, bool, str]:
    """The demand on the fused vector: a broken one is far behind on any number of queries."""
    return 0.0, difference.high >= 0.0, "high end not below 0"


def _drawn(difference: Difference, policy: GatePolicy) -> tuple[float, bool, str]:
    """The demand on a draw. Of two that are equally good either one has the better mean, by chance."""
    slack = policy.single_branch.max_uncertainty
    passed = difference.mean >= -slack and difference.high >= 0.0
    return -slack, passed, f"at least {-slack:+.4f}, high end not below 0"


def _champion_absent(report: EvaluationMetrics, policy: GatePolicy) -> Reason:
    note = report.champion_note
    passed = note is None or policy.champion.not_comparable == "pass"
    text = "there is no champion yet" if note is None else f"the champion cannot be compared: {note}"
    if not passed:
        text += "; the policy refuses then (champion.not_comparable)"
    return Reason(rule="champion", passed=passed, figure=0.0, limit=0.0, text=text)


def _champion_name(note: str | None) -> str:
    """How the champion's values came about is part of every sentence about them."""
    if note is None:
        return "the champion"
    return f"the champion as remembered from its own evaluation, not measured again ({note})"


def _against_champion(
    engine: Values, champion: Values, policy: GatePolicy, *, note: str | None = None
) -> Reason:
    difference = _difference(engine, champion, policy)
    drop = policy.champion.max_drop
    text = (
        f"against {_champion_name(note)}: {policy.metric} {_mean(engine):.4f} and {_mean(champion):.4f}, "
        f"{_interval_text(difference, policy)}; asked: low end at least {-drop:+.4f}"
    )
    return Reason(
        rule="champion", passed=difference.low >= -drop, figure=difference.low, limit=-drop, text=text
    )


def _kind_slices(kinds: Mapping[str, str]) -> dict[str, list[str]]:
    """Slice -> queries, a slice for each kind of query."""
    return {
        f"kind={kind}": [query for query, other in kinds.items() if other == kind]
        for kind in sorted(set(kinds.values()))
    }


def _all_reasons(report: EvaluationMetrics, policy: GatePolicy) -> list[Reason]:
    queries = sorted(report.kinds)
    kinds = [report.kinds[query] for query in queries]
    engine = _values(report.engine, queries)
    retrievers = {name: _values(lookup, queries) for name, lookup in report.branches.items()}
    beats = _beats_branch(
        "engine_beats_best_branch",
        engine,
        retrievers,
        what="the engine",
        kinds=kinds,
        policy=policy,
        demand=_not_behind,
    )
    rules = [beats, _fused_beats_encoders(report, policy)]
    rules = rules if report.provenance in (JUDGED, LOG) else [_not_judged(reason) for reason in rules]
    reasons = [_complete(report, queries), _enough(queries, report, policy), _floor(engine, policy), *rules]
    return [*reasons, *_beside_champion(report, policy), *exposure_reasons(report.exposure, policy)]


def _fused_beats_encoders(report: EvaluationMetrics, policy: GatePolicy) -> Reason:
    """Asked on the queries that the engine leaves to the fused vector; as one feature of a ranker that is
    shown to pay it needs no proof of its own."""
    rule, queries = "fusion_beats_best_encoder", sorted(report.fused.keys() & report.kinds.keys())
    if not queries and report.kinds:
        text = "the engine leaves no kind of query to the fused vector alone"
        return Reason(rule=rule, passed=True, figure=0.0, limit=0.0, text=text)
    encoders = {name: _values(lookup, queries) for name, lookup in report.branches.items() if name != LEXICAL}
    return _beats_branch(
        rule,
        _values(report.fused, queries),
        encoders,
        what="the fused vector",
        kinds=[report.kinds[query] for query in queries],
        policy=policy,
        demand=_not_shown_behind,
    )


def _not_judged(reason: Reason) -> Reason:
    """Queries that were made from the catalogue find their own product by their words: they can tell that an
    engine is broken, not which engine is better."""
    text = f"not binding, for nobody judged a query: {reason.text}"
    return reason.model_copy(update={"passed": True, "text": text})


def _compared(champion: Mapping[str, float], kinds: Mapping[str, str]) -> list[str]:
    """The queries on which the champion is held: those it did not learn from."""
    return sorted(kinds.keys() & champion.keys())


def _beside_champion(report: EvaluationMetrics, policy: GatePolicy) -> list[Reason]:
    if report.champion is None:
        return [_champion_absent(report, policy)]
    queries = _compared(report.champion, report.kinds)
    engine, champion = _values(report.engine, queries), _values(report.champion, queries)
    note = report.champion_note
    slices = {**_kind_slices({query: report.kinds[query] for query in queries}), **report.slices}
    return [
        _against_champion(engine, champion, policy, note=note),
        *slice_reasons(report.engine, report.champion, slices, policy, remembered=note is not None),
    ]


def decide(report: EvaluationMetrics, policy: GatePolicy) -> Decision:
    """Whether the candidate may be released, and why: every rule answers, whatever the others say.

    Better values of the candidate never turn a pass into a refusal, and the order of queries is irrelevant.
    """
    with np.errstate(invalid="ignore"):  # infinite figures are refused by their own rule
        reasons = _all_reasons(report, policy)
    return Decision(
        passed=not any(reason.refuses for reason in reasons),
        reasons=tuple(reasons),
        weights_sha256=report.weights_sha256,
        report_digest=report.digest(),
        policy_digest=digest_of(policy.rules),
    )


def decide_baseline(report: EvaluationMetrics, policy: GatePolicy, refused: Decision) -> Decision:
    """The decision about the best single retriever of each kind, where nothing was released yet and the
    challenger is refused: no shop is left without a search, and the next challenger has something to beat.

    Args:
        report: whose engine is that baseline.
        policy: for its metric.
        refused: what was decided about the challenger.
    """
    mean = _mean(_values(report.engine, sorted(report.kinds)))
    text = (
        "nothing is released yet and the challenger is refused, so the best single retriever for each kind "
        f"of query is released as the baseline to beat ({policy.metric} {mean:.4f}); the challenger: "
        f"{'; '.join(refused.refusals)}"
    )
    reason = Reason(rule="baseline", passed=True, figure=mean if mean == mean else 0.0, limit=0.0, text=text)
    return Decision(
        passed=True,
        reasons=(reason,),
        weights_sha256=report.weights_sha256,
        report_digest=report.digest(),
        policy_digest=digest_of(policy.rules),
    )
