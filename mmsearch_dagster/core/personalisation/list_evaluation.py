"""Evaluation of lists for people without a query: do they beat what everybody buys?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.gate.decision import Reason
from mmsearch_dagster.core.labels.result_pages import GRADE_OF
from mmsearch_dagster.core.metrics.beyond_accuracy import (
    calibration,
    coverage,
    exposure_by_group,
    intra_list_diversity,
    list_accuracy,
    mean_of,
    novelty,
    popularity_lift,
    price_bands,
)
from mmsearch_dagster.core.metrics.bootstrap import interval, paired_difference
from mmsearch_dagster.core.metrics.ranking import by_query, per_query
from mmsearch_dagster.core.personalisation.features import Items
from mmsearch_dagster.core.personalisation.list_orders import PERSONAL, POPULAR, best, order_of, scores_of
from mmsearch_dagster.core.personalisation.people_state import PeopleState

_DEPTH = 50


@dataclass(frozen=True)
class ListReport:
    """chosen: the order for known people, `popular` when none is promoted. measures: one row per order;
    `low` and `high` are the interval of its ndcg@10.
    exposure: of the best personal lists, by category (first level) and price band."""

    chosen: str
    reasons: tuple[Reason, ...]
    measures: pl.DataFrame
    exposure: pl.DataFrame


def choose_order(state: PeopleState, items: Items, later: pl.DataFrame) -> str:
    """Chooses the personal order with the best mean nDCG@10; of a tie, the simplest.

    Args:
        state: people before the validation period.
        items: products.
        later: events of the validation period.

    Returns:
        Name of the order.
    """
    liked = _liked(later, state.ids, items.ids)
    values = _values(_lists(state, items, sorted(liked)), liked)
    return max(PERSONAL, key=lambda name: round(float(np.mean(values[name])), 6) if liked else 0.0)


def examine_lists(
    state: PeopleState,
    items: Items,
    later: pl.DataFrame,
    candidate: str,
    *,
    earlier: pl.DataFrame,
    confidence: float,
    resamples: int,
    seed: int,
) -> ListReport:
    """Every order on what known people did in `later`, the test period: events after the moment of `state`.
    earlier: those before it, what people's histories are.

    The candidate is promoted when its nDCG@10 is above that of popular products, by a paired bootstrap over
    people whose interval lies above zero; otherwise everybody gets popular products.
    """
    liked = _liked(later, state.ids, items.ids)
    lists = _lists(state, items, sorted(liked))
    values = _values(lists, liked)
    gap = paired_difference(
        values[candidate], values[POPULAR], resamples=resamples, confidence=confidence, seed=seed
    )
    passed = gap.low > 0.0
    around = f" [{gap.low:+.4f}, {gap.high:+.4f}]" if gap.low == gap.low else ", without an interval,"
    outcome = "above zero" if passed else "not above zero"
    compared = f"nDCG@10 {gap.mean:+.4f}{around} against popular products"
    text = (
        f"lists by {candidate}: {compared} for {len(liked):,} people of the test period: {outcome}"
        if liked
        else f"lists by {candidate}: nobody known did anything in the test period, so nothing was compared"
    )
    reason = Reason(
        rule="personal lists beat popular products", passed=passed, figure=gap.low, limit=0.0, text=text
    )
    histories = {user: list(grades) for user, grades in _liked(earlier, state.ids, items.ids).items()}
    rows = []
    for name, by_user in lists.items():
        around = interval(values[name], resamples=resamples, confidence=confidence, seed=seed)
        row = {"order": name, **_measures(by_user, liked, state, items, histories=histories)}
        rows.append({**row, "low": around.low, "high": around.high})
    exposed = _exposure(lists[candidate], items)
    return ListReport(candidate if passed else POPULAR, (reason,), pl.DataFrame(rows), exposed)


def _values(
    lists: Mapping[str, Mapping[str, Sequence[str]]], liked: Mapping[str, Mapping[str, int]]
) -> dict[str, list[float]]:
    """Order -> nDCG@10 of each person, sorted by person."""
    return {
        name: list(by_query(per_query(by_user, liked, metrics=["ndcg@10"]), "ndcg@10").values())
        for name, by_user in lists.items()
    }


def _liked(later: pl.DataFrame, people: Sequence[str], products: Sequence[str]) -> dict[str, dict[str, int]]:
    grade = pl.col(col.ACTION).replace_strict(GRADE_OF, default=0, return_dtype=pl.Int64)
    rows = (
        later.with_columns(grade.alias(col.GRADE))
        .filter(
            (pl.col(col.GRADE) > 0)
            & pl.col(col.USER_ID).is_in(list(people))
            & pl.col(col.PRODUCT_ID).is_in(list(products))
        )
        .group_by(col.USER_ID, col.PRODUCT_ID)
        .agg(pl.col(col.GRADE).max())
        .sort(col.USER_ID, col.PRODUCT_ID)
    )
    liked: dict[str, dict[str, int]] = {}
    for user, product, grade_given in rows.iter_rows():
        liked.setdefault(user, {})[product] = grade_given
    return liked


def _lists(state: PeopleState, items: Items, users: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    row_of = {user: row for row, user in enumerate(state.ids)}
    lists: dict[str, dict[str, list[str]]] = {name: {} for name in (POPULAR, *PERSONAL)}
    for user in users:
        scores = scores_of(state, items, row_of[user])
        for name in lists:
            rows = best(scores[order_of(scores, name)], _DEPTH)
            lists[name][user] = [items.ids[row] for row in rows]
    return lists


def _measures(
    lists: Mapping[str, Sequence[str]],
    liked: Mapping[str, Mapping[str, int]],
    state: PeopleState,
    items: Items,
    *,
    histories: Mapping[str, Sequence[str]],
) -> dict[str, float]:
    tens = {user: products[:10] for user, products in lists.items()}
    popularity = dict(zip(items.ids, state.popularity.tolist(), strict=True))
    vectors = {key: items.vectors[row] for row, key in enumerate(items.ids)}
    group = {key: path for key, path in zip(items.ids, items.categories, strict=True) if path}
    row_of = {user: row for row, user in enumerate(state.ids)}
    wanted = {user: state.people.categories[row_of[user]] for user in tens}
    return {
        **list_accuracy(lists, liked),
        "coverage@10": coverage(tens, len(items)),
        "novelty@10 (bits)": mean_of(novelty(tens, popularity)),
        "diversity@10": mean_of(intra_list_diversity(tens, vectors)),
        "calibration@10 (KL)": mean_of(calibration(wanted, tens, group)),
        "popularity lift@10": mean_of(popularity_lift(tens, histories, popularity)),
    }


def _exposure(lists: Mapping[str, Sequence[str]], items: Items) -> pl.DataFrame:
    tens = {user: products[:10] for user, products in lists.items()}
    tops = {
        key: path.split(col.CATEGORY_SEPARATOR)[0] if path else None
        for key, path in zip(items.ids, items.categories, strict=True)
    }
    prices = dict(zip(items.ids, items.price.tolist(), strict=True))
    rows = [*exposure_by_group(tens, tops), *exposure_by_group(tens, price_bands(prices))]
    return pl.DataFrame(
        [
            {"group": row.group, "share of catalogue": row.catalogue, "share of exposure": row.exposure,
             "ratio": row.ratio}
            for row in rows
        ],
        schema={"group": pl.String, "share of catalogue": pl.Float64, "share of exposure": pl.Float64,
                "ratio": pl.Float64},
    )  # fmt: skip
