"""What the gate asks of a candidate once its index is built: recall, size, and the time of a search.

Recall is a figure by itself. Size and time are held against the champion's, measured in the same minute on
the same machine: absolute milliseconds say nothing on another one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.gate.decision import Decision, Reason
from mmsearch_dagster.core.gate.policy import GatePolicy
from mmsearch_dagster.core.metrics.bootstrap import interval

RECALL, SIZE, LATENCY = "ann_recall", "index_size", "latency"
_MEGABYTE = 1e6


class IndexFigures(BaseModel):
    """One index version: its products, and the bytes of its files."""

    model_config = ConfigDict(frozen=True)

    products: int
    size_bytes: int

    @property
    def bytes_per_product(self) -> float:
        return self.size_bytes / max(1, self.products)


class ServingFigures(BaseModel):
    """What was measured of a candidate that could be served.

    recall: recall@10 of its vector search against exact search, on `probes` queries; 0 of them where every
        vector is compared, so that nothing can be missed.
    index, champion_index: champion's None where there is none that can be read.
    milliseconds, champion_milliseconds: query id -> time of a search, measured in turns; empty where there
        is no champion that answers here.
    """

    model_config = ConfigDict(frozen=True)

    recall: float
    probes: int
    index: IndexFigures
    champion_index: IndexFigures | None = None
    milliseconds: dict[str, float] = {}
    champion_milliseconds: dict[str, float] = {}

    def digest(self) -> str:
        """Names these figures; a decision carries it."""
        return digest_of(self.model_dump())


def with_serving(decision: Decision, figures: ServingFigures, policy: GatePolicy) -> Decision:
    """The decision about a candidate, with what its index and its time of a search say."""
    reasons = (*without_serving(decision), *serving_reasons(figures, policy))
    return decision.model_copy(
        update={
            "passed": not any(reason.refuses for reason in reasons),
            "reasons": reasons,
            "serving_digest": figures.digest(),
        }
    )


def without_serving(decision: Decision) -> tuple[Reason, ...]:
    """The reasons that were there before an index was built."""
    return tuple(reason for reason in decision.reasons if reason.rule not in (RECALL, SIZE, LATENCY))


def serving_reasons(figures: ServingFigures, policy: GatePolicy) -> list[Reason]:
    """Three reasons: recall, size, latency."""
    return [_recall(figures, policy), _size(figures, policy), _latency(figures, policy)]


def _recall(figures: ServingFigures, policy: GatePolicy) -> Reason:
    least = policy.index.min_recall
    how = f"on {figures.probes} queries" if figures.probes else "for every vector is compared"
    text = f"vector search finds {figures.recall:.1%} of what exact search finds, {how}; asked: {least:.1%}"
    return Reason(rule=RECALL, passed=figures.recall >= least, figure=figures.recall, limit=least, text=text)


def _size(figures: ServingFigures, policy: GatePolicy) -> Reason:
    rule, champion = policy.index, figures.champion_index
    if champion is None:
        return _cannot_tell(
            SIZE, -rule.max_size_ratio, "index size", "there is no index of a champion to compare with"
        )
    ratio = figures.index.bytes_per_product / max(1e-9, champion.bytes_per_product)
    more = figures.index.size_bytes - champion.bytes_per_product * figures.index.products
    passed = ratio <= rule.max_size_ratio or more <= rule.slack_mb * _MEGABYTE
    text = (
        f"index size: {figures.index.bytes_per_product / 1000:.1f} kB a product, {ratio:.2f} times the "
        f"champion's; asked: at most {rule.max_size_ratio:.2f} times, or {rule.slack_mb:.0f} MB more in all"
    )
    # Within the slack the figure is as good as its limit: a margin of 0.
    figure = -min(ratio, rule.max_size_ratio) if passed else -ratio
    return Reason(rule=SIZE, passed=passed, figure=figure, limit=-rule.max_size_ratio, text=text)


def _latency(figures: ServingFigures, policy: GatePolicy) -> Reason:
    rule = policy.latency
    queries = sorted(figures.milliseconds.keys() & figures.champion_milliseconds.keys())
    if len(queries) < rule.min_queries:
        why = f"{len(queries)} queries were timed beside a champion and at least {rule.min_queries} asked"
        return _cannot_tell(LATENCY, -rule.max_ratio, "time of a search", why)
    own, champion = (
        np.array([times[query] for query in queries])
        for times in (figures.milliseconds, figures.champion_milliseconds)
    )
    ratios = np.log(np.maximum(own, 1e-3) / np.maximum(champion, 1e-3))
    spread = interval(ratios, resamples=policy.resamples, confidence=policy.confidence, seed=policy.seed)
    ratio, low = float(np.exp(spread.mean)), float(np.exp(spread.low))
    slower = float(np.median(own - champion))
    passed = low <= rule.max_ratio or slower <= rule.slack_ms
    text = (
        f"time of a search: {np.median(own):.0f} ms, the champion's {np.median(champion):.0f} ms (medians, "
        f"in turns); {ratio:.2f} times, {policy.confidence:.0%} interval from {low:.2f}, {len(queries)} "
        f"queries; refused where it lies above {rule.max_ratio:.2f} and a search takes more than "
        f"{rule.slack_ms:.0f} ms longer"
    )
    figure = -min(low, rule.max_ratio) if passed else -low
    return Reason(
        rule=LATENCY, passed=passed, figure=figure, limit=-rule.max_ratio, text=text, binding=rule.decides
    )


def _cannot_tell(rule: str, limit: float, what: str, why: str) -> Reason:
    """No pass, and no refusal: a first release has nothing to be held against."""
    return Reason(
        rule=rule,
        passed=False,
        figure=limit,
        limit=limit,
        text=f"{what}: cannot tell, {why}",
        binding=False,
        cannot_tell=True,
    )


def typical_times(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Query id -> its shortest time over several rounds: what else the machine did only makes it longer.

    >>> typical_times([{"q": 9.0}, {"q": 4.0}])
    {'q': 4.0}
    """
    return {query: min(times[query] for times in rounds) for query in (rounds[0] if rounds else ())}
