"""Orders for one person, and how lists are measured."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.core.catalog.schemas import EVENTS
from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams
from mmsearch_dagster.core.personalisation.features import Items
from mmsearch_dagster.core.personalisation.list_evaluation import ListReport, examine_lists
from mmsearch_dagster.core.personalisation.list_orders import (
    ALL,
    BOTH,
    COLLABORATIVE,
    PERSONAL,
    POPULAR,
    TASTE,
    led_by_session,
    order_of,
    ranks,
    scores_of,
)
from mmsearch_dagster.core.personalisation.people_state import PeopleState, states_at
from tests.core.personalisation.shop import START, items, products

MOMENT = START + timedelta(days=2)
NAMELESS = "p59"
_VIEWS = (*(("a", f"p{n:02}") for n in (7, 9, 9, 11)), *(("b", f"p{n:02}") for n in (7, 9, 11)))


def views(*rows: tuple[str, str], begin: datetime = START) -> pl.DataFrame:
    """Each row: user, product; an hour apart."""
    told = [
        {"event_id": f"e{n}", "user_id": user, "product_id": product, "action": "view",
         "timestamp": begin + timedelta(hours=n)}
        for n, (user, product) in enumerate(rows)
    ]  # fmt: skip
    return pl.DataFrame(told, schema=EVENTS)


EARLIER = views(*_VIEWS, ("quiet", NAMELESS))


def shelf() -> Items:
    """The shop, with one product of which no modality is known."""
    found = items()
    found.vectors[-1] = 0.0
    return found


def known() -> PeopleState:
    """Two who like the same, and one who saw what nobody else did and nothing is known of."""
    return next(states_at(EARLIER, products(), shelf(), [MOMENT], FeedbackParams()))


def examined(later: pl.DataFrame) -> ListReport:
    return examine_lists(
        known(), shelf(), later, TASTE, earlier=EARLIER, confidence=0.9, resamples=50, seed=1
    )


@pytest.mark.parametrize("wanted", sorted(PERSONAL))
def test_somebody_without_any_signal_gets_popular_products(wanted: str) -> None:
    one = known()
    scores = scores_of(one, shelf(), one.ids.index("quiet"))
    assert not scores[TASTE].any()
    assert not scores[COLLABORATIVE].any()
    assert order_of(scores, wanted) == POPULAR
    assert order_of(scores_of(one, shelf(), one.ids.index("a")), wanted) == wanted
    assert order_of(scores_of(one, shelf(), -1), wanted) == POPULAR


def test_a_part_that_tells_nothing_adds_nothing_to_a_blend() -> None:
    one = replace(known(), factors=np.zeros_like(known().factors))
    scores = scores_of(one, shelf(), one.ids.index("a"))
    assert np.array_equal(ranks(scores[BOTH]), ranks(scores[TASTE]))
    assert np.allclose(scores[ALL], 1 / (60 + ranks(scores[TASTE])) + 1 / (60 + ranks(scores[POPULAR])))


def test_lists_are_measured_as_they_are_served() -> None:
    report = examined(views(("quiet", "p09"), begin=MOMENT))
    values = dict(report.measures.select("order", "ndcg@10").iter_rows())
    # p09 is what people saw most: first of the popular ones, tenth of the catalogue.
    assert values == dict.fromkeys((POPULAR, *PERSONAL), 1.0)


def test_popularity_lift_is_against_what_people_did_before() -> None:
    def lift(*later: str) -> float:
        report = examined(views(*(("quiet", product) for product in later), begin=MOMENT))
        return dict(report.measures.select("order", "popularity lift@10").iter_rows())[POPULAR]

    popularity = known().popularity
    before = popularity[int(NAMELESS[1:])]
    wanted = (np.sort(popularity)[-10:].mean() - before) / before
    assert [lift("p09"), lift("p30"), lift("p07", NAMELESS)] == pytest.approx([wanted] * 3)


def test_a_session_is_led_to_what_is_like_it_and_never_back_to_itself() -> None:
    one, shop = known(), items()
    scores = led_by_session(one, shop, [7], None)
    content = np.mean([shop.vectors[:, a:b] @ shop.vectors[7, a:b] for a, b in shop.blocks.values()], axis=0)
    nearest = np.argsort(-content)[1:6]
    assert scores[7] == -np.inf
    assert np.isfinite(np.delete(scores, 7)).all()
    assert scores[nearest].mean() > np.median(scores)


def test_history_counts_in_a_session_and_what_tells_nothing_adds_nothing() -> None:
    one, shop = known(), items()
    alone = led_by_session(one, shop, [7], None)
    assert (led_by_session(one, shop, [7], np.zeros(len(shop))) == alone).all()
    liking = np.zeros(len(shop))
    liking[40] = 1.0
    with_history = led_by_session(one, shop, [7], liking)
    assert ranks(with_history)[40] < ranks(alone)[40]


def test_a_log_too_short_for_factors_does_not_drown_what_the_session_looks_at() -> None:
    one, shop = known(), items()
    popularity = np.zeros(len(shop))
    popularity[50] = 9.0  # one customer looked nine times
    without = replace(one, factors=np.zeros_like(one.factors), popularity=popularity)
    content = np.mean([shop.vectors[:, a:b] @ shop.vectors[7, a:b] for a, b in shop.blocks.values()], axis=0)
    nearest = next(row for row in np.argsort(-content, kind="stable") if row != 7)

    scores = led_by_session(without, shop, [7], None)

    assert int(np.argmax(scores)) == nearest
