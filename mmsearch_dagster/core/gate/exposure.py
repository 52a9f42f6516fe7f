"""Nobody's products may lose their place in front to others that are no better: fairness of exposure.

A result at rank r has the exposure 1 / log2(1 + r). Summed over all queries, each brand (category, popular or
not) has a share of it, and a share that it merits: the one it would have if each query's results were ordered
by judged grade, equal grades sharing their ranks. The unfairness is half the sum of the absolute differences
of the two: the share of exposure that is with the wrong values of the attribute, from 0 (fair) to 1.

Source: Singh and Joachims, Fairness of Exposure in Rankings, KDD 2018: exposure of a group (section 3) in
proportion to its merit ("disparate treatment", section 4.2), as a difference of shares, which is defined for
groups without merit too.

A better order comes nearer to what is merited, so it is never refused for being better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.gate.decision import AttributeExposure, Reason
from mmsearch_dagster.core.gate.policy import ExposureRule, GatePolicy
from mmsearch_dagster.core.metrics.multiple_testing import holm

Values = NDArray[np.float64]
_TINY = 1e-12
# Resamples that are held in memory at once.
_CHUNK = 200


@dataclass(frozen=True)
class _Measured:
    """An attribute with enough queries. p: how likely such a rise is by chance, before the correction."""

    attribute: str
    rule: ExposureRule
    candidate: float
    champion: float
    queries: int
    p: float


def unfairness(exposure: Values, merit: Values) -> Values:
    """Share of the exposure that is not where the merit is.

    Two brands, 3 and 1 of exposure where each merits half: a quarter is with the wrong brand.

    >>> float(unfairness(np.array([3.0, 1.0]), np.array([1.0, 1.0])))
    0.25

    Args:
        exposure: [..., values of the attribute].
        merit: the same.

    Returns:
        0 to 1, [...].
    """
    shares = [part / np.maximum(part.sum(axis=-1, keepdims=True), _TINY) for part in (exposure, merit)]
    return np.abs(shares[0] - shares[1]).sum(axis=-1) / 2.0


def exposure_reasons(exposures: Mapping[str, AttributeExposure], policy: GatePolicy) -> list[Reason]:
    """One reason per attribute, in the order of their names.

    Args:
        exposures: attribute -> exposure of its values.
        policy: margins and minimum counts.

    Returns:
        Without a champion's rankings, or with too few queries, an attribute is `cannot tell`: no pass, and
        binding only where the policy says so.
    """
    measured, reasons = list[_Measured](), dict[str, Reason]()
    for attribute, exposure in sorted(exposures.items()):
        rule, queries = (
            policy.exposure.of(attribute),
            sorted(exposure.champion.keys() & exposure.merit.keys()),
        )
        if len(queries) < rule.min_queries or not any(sum(exposure.merit[query]) for query in queries):
            reasons[attribute] = _cannot_tell(attribute, rule, exposure, len(queries))
        else:
            measured.append(_measure(attribute, rule, exposure, queries, policy))
    for each, p in zip(measured, holm([each.p for each in measured]), strict=True):
        reasons[each.attribute] = _reason(each, p, policy)
    return [reasons[attribute] for attribute in sorted(reasons)]


def _measure(
    attribute: str,
    rule: ExposureRule,
    exposure: AttributeExposure,
    queries: Sequence[str],
    policy: GatePolicy,
) -> _Measured:
    candidate, champion, merit = (
        np.array([rows[query] for query in queries], dtype=np.float64)
        for rows in (exposure.candidate, exposure.champion, exposure.merit)
    )
    rises = _resampled_rises(candidate, champion, merit, policy)
    share = float((rises < 0).mean() + 0.5 * (rises == 0).mean())
    return _Measured(
        attribute,
        rule,
        float(unfairness(candidate.sum(axis=0), merit.sum(axis=0))),
        float(unfairness(champion.sum(axis=0), merit.sum(axis=0))),
        len(queries),
        max(share, 1.0 / (policy.resamples + 1)),
    )


def _resampled_rises(candidate: Values, champion: Values, merit: Values, policy: GatePolicy) -> Values:
    """Rise of the unfairness [resamples] over queries that are drawn with replacement."""
    draw, count = np.random.default_rng(policy.seed), len(merit)
    rises = []
    for start in range(0, policy.resamples, _CHUNK):
        rows = min(_CHUNK, policy.resamples - start)
        weights = draw.multinomial(count, np.full(count, 1.0 / count), size=rows)
        fair = weights @ merit
        rises.append(unfairness(weights @ candidate, fair) - unfairness(weights @ champion, fair))
    return np.concatenate(rises)


def _cannot_tell(attribute: str, rule: ExposureRule, exposure: AttributeExposure, count: int) -> Reason:
    why = f"{count} queries and at least {rule.min_queries} asked"
    if not exposure.champion:
        why = "there are no results of a champion on these queries to compare with"
    elif count >= rule.min_queries:
        why = "no product that was judged right has a value"
    return Reason(
        rule=f"exposure[{attribute}]",
        passed=False,
        figure=-rule.max_rise,
        limit=-rule.max_rise,
        text=f"exposure by {attribute}: cannot tell, {why}",
        binding=rule.required and bool(exposure.champion),
        cannot_tell=True,
    )


def _reason(each: _Measured, p: float, policy: GatePolicy) -> Reason:
    rise, limit = each.candidate - each.champion, each.rule.max_rise
    passed = rise <= limit or p > 1.0 - policy.confidence
    text = (
        f"exposure by {each.attribute}: {each.candidate:.1%} of it is not where the judged grades are, the "
        f"champion's {each.champion:.1%}, over {each.queries} queries; a rise by chance p = {p:.3f} (Holm); "
        f"asked: at most {limit:.1%} more, or not shown to be a rise"
    )
    return Reason(rule=f"exposure[{each.attribute}]", passed=passed, figure=-rise, limit=-limit, text=text)
