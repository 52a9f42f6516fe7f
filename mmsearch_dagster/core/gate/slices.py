"""No part of the shop's queries may pay for the others: each slice is held against the champion by itself.

A slice is refused where its mean drops by more than its margin and the drop is shown not to be chance. Many
slices are looked at, so chance alone would show a drop somewhere: the shares of resamples are corrected by
Holm's step-down procedure (Holm, A simple sequentially rejective multiple test procedure, 1979).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmsearch_dagster.core.gate.decision import Reason
from mmsearch_dagster.core.gate.policy import GatePolicy, SliceRule
from mmsearch_dagster.core.metrics.bootstrap import Difference, paired_difference
from mmsearch_dagster.core.metrics.multiple_testing import holm


@dataclass(frozen=True)
class _Measured:
    """A slice with enough queries. p: how likely a drop like this is by chance, before the correction."""

    name: str
    rule: SliceRule
    difference: Difference
    p: float


def slice_reasons(
    engine: Mapping[str, float],
    champion: Mapping[str, float],
    slices: Mapping[str, Sequence[str]],
    policy: GatePolicy,
    *,
    remembered: bool = False,
) -> list[Reason]:
    """One reason per slice, in the order of their names.

    Args:
        engine: query id -> value of the policy's metric.
        champion: the same of the released engine.
        slices: name (`group` or `group=value`) -> ids of its queries.
        policy: margins and minimum counts by group.
        remembered: the champion's values are those of its own evaluation.

    Returns:
        A slice with too few queries is `cannot tell`: no pass, and binding only where the policy says so.
    """
    measured, reasons = list[_Measured](), dict[str, Reason]()
    for name, members in sorted(slices.items()):
        rule = policy.slices.of(name)
        queries = sorted(set(members) & engine.keys() & champion.keys())
        if len(queries) < rule.min_queries:
            reasons[name] = _cannot_tell(name, rule, len(queries))
            continue
        difference = paired_difference(
            [engine[query] for query in queries],
            [champion[query] for query in queries],
            resamples=policy.resamples,
            confidence=policy.confidence,
            seed=policy.seed,
        )
        measured.append(_Measured(name, rule, difference, _chance(difference, policy)))
    corrected = holm([each.p for each in measured])
    for each, p in zip(measured, corrected, strict=True):
        reasons[each.name] = _reason(each, p, policy, f"{'remembered ' if remembered else ''}champion")
    return [reasons[name] for name in sorted(reasons)]


def _chance(difference: Difference, policy: GatePolicy) -> float:
    """Share of the resamples without a drop, never quite 0; of figures that are no numbers it is 0."""
    share = difference.p_a_better
    return max(share, 1.0 / (policy.resamples + 1)) if share == share else 0.0


def _cannot_tell(name: str, rule: SliceRule, count: int) -> Reason:
    text = f"{name}: cannot tell, {count} queries and at least {rule.min_queries} asked"
    return Reason(
        rule=f"slice[{name}]",
        passed=False,
        figure=-rule.max_drop,
        limit=-rule.max_drop,
        text=text,
        binding=rule.required,
        cannot_tell=True,
    )


def _reason(each: _Measured, p: float, policy: GatePolicy, champion: str) -> Reason:
    difference, limit = each.difference, -each.rule.max_drop
    passed = difference.mean >= limit or p > 1.0 - policy.confidence
    text = (
        f"{each.name}: difference to the {champion} {difference.mean:+.4f} over {difference.queries} "
        f"queries, a drop by chance p = {p:.3f} (Holm); asked: at least {limit:+.4f}, "
        "or not shown to be a drop"
    )
    return Reason(rule=f"slice[{each.name}]", passed=passed, figure=difference.mean, limit=limit, text=text)
