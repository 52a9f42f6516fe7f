"""Does the personal ranker earn its place? Pages of the test period, re-ordered, against their order."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mmsearch_dagster.core.gate.decision import Reason
from mmsearch_dagster.core.metrics.bootstrap import paired_difference

K = 10
Values = NDArray[np.float64]
Rows = NDArray[np.int64]


def page_values(scores: NDArray[np.floating], page: Rows, grade: Rows, weight: Values, k: int = K) -> Values:
    """Corrected nDCG@k of every page, in the order of their numbers, [pages]; its mean is the figure.

    DCG_p = sum over ranks r <= k of w (2^grade - 1) / log2(r + 1), with w the inverse chance that the place
    where the product was shown was looked at: in expectation over looks this is the DCG of what would have
    been clicked had everything been seen (Agarwal, Takatsu, Zaitsev and Joachims, A General Framework for
    Counterfactual Learning-to-Rank, SIGIR 2019). It is divided by the mean over pages of the best
    possible DCG, not by the page's own: with one click on a page its weight would cancel there, and clicks
    as logged favour the order that was shown. Pages without a click count 0. Ties keep the rows' order.

    Args:
        scores: [rows].
        page: number of each row's page, [rows].
        grade: [rows], above 0 where the product was clicked.
        weight: inverse propensity of the position, [rows].
        k: depth.

    Returns:
        float64 [pages].
    """
    gain = np.where(grade > 0, weight * (np.exp2(grade) - 1.0), 0.0)
    gained, best = [], []
    for rows in _pages(page):
        discount = 1.0 / np.log2(np.arange(2, min(k, len(rows)) + 2))
        gained.append(gain[rows][np.argsort(-scores[rows], kind="stable")][:k] @ discount)
        best.append(np.sort(gain[rows])[::-1][:k] @ discount)
    mean_best = float(np.mean(best)) if best else 0.0
    return np.array(gained, dtype=np.float64) / (mean_best or 1.0)


def mean_value(scores: NDArray[np.floating], page: Rows, grade: Rows, weight: Values) -> float:
    """Mean of `page_values`.

    Args:
        scores: [rows].
        page: number of each row's page, [rows].
        grade: [rows].
        weight: inverse propensity of the position, [rows].

    Returns:
        The mean, NaN without a click.
    """
    return float(page_values(scores, page, grade, weight).mean()) if (grade > 0).any() else float("nan")


def _pages(page: Rows) -> list[Rows]:
    starts = np.flatnonzero(np.diff(page, prepend=-1))
    return np.split(np.arange(len(page)), starts[1:])


class RankerMetrics(BaseModel):
    """nDCG@10 of every page of the test period, in one order of pages, per way to order them.

    corrected: with inverse propensities; plain: clicks as logged, which flatters the order that was shown.
    """

    model_config = ConfigDict(frozen=True)

    corrected: dict[str, tuple[float, ...]]
    plain: dict[str, tuple[float, ...]]


RANKER = "ranker"
SHOWN = "order as shown"
UNKNOWN_PERSON = "ranker, person unknown"


class RankerDecision(BaseModel):
    """Whether the ranker answers known people; if not, they get the unpersonalised order, and why."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    promoted: bool
    reasons: tuple[Reason, ...]

    @property
    def sentence(self) -> str:
        """What decided, in one line: the reasons that failed, all of them where the ranker is promoted."""
        failed = [reason for reason in self.reasons if not reason.passed]
        return "; ".join(reason.text for reason in failed or self.reasons)


def decide(
    metrics: RankerMetrics, *, min_pages: int, confidence: float, resamples: int, seed: int
) -> RankerDecision:
    """Promoted exactly when, on the same pages of the test period, the ranker is ahead of the order as shown
    and of itself without the person, both by a paired bootstrap whose interval lies above zero.

    The second comparison is the harder one: a ranker may beat yesterday's order by popularity alone, and
    that is no reason to keep profiles of people.
    """
    pages = len(metrics.corrected.get(RANKER, ()))
    enough = Reason(
        rule="pages",
        passed=pages >= min_pages,
        figure=pages,
        limit=min_pages,
        text=f"{pages:,} result pages in the test period, at least {min_pages:,} needed",
    )
    if not enough.passed:
        return RankerDecision(promoted=False, reasons=(enough,))
    reasons = [enough]
    for rule, other in (
        ("beats the order as shown", SHOWN),
        ("beats itself without the person", UNKNOWN_PERSON),
    ):
        gap = paired_difference(
            metrics.corrected[RANKER],
            metrics.corrected[other],
            resamples=resamples,
            confidence=confidence,
            seed=seed,
        )
        passed = gap.low > 0.0
        verdict = "above zero" if passed else "not above zero"
        text = (
            f"nDCG@{K} {gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}] against {other} on {pages:,} pages: "
            f"{verdict}"
        )
        reasons.append(Reason(rule=rule, passed=passed, figure=gap.low, limit=0.0, text=text))
    return RankerDecision(promoted=all(reason.passed for reason in reasons), reasons=tuple(reasons))


def summary(metrics: RankerMetrics) -> list[Mapping[str, float | str]]:
    """One row per order: mean nDCG@10, corrected and plain."""
    return [
        {
            "order": name,
            "nDCG@10 corrected": float(np.mean(values)) if values else float("nan"),
            "nDCG@10 as logged": float(np.mean(metrics.plain[name])) if values else float("nan"),
            "pages": len(values),
        }
        for name, values in metrics.corrected.items()
    ]
