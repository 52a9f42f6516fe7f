"""Chances of a response, from a ranker whose weights a person can follow."""

from datetime import timedelta
from functools import cache

import numpy as np
import polars as pl
import torch

from mmsearch_dagster.core.catalog.columns import TIMESTAMP
from mmsearch_dagster.core.catalog.schemas import REVIEWS
from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams
from mmsearch_dagster.core.labels.result_pages import result_lists
from mmsearch_dagster.core.personalisation.features import HOUR_COSINE, HOUR_SINE, feature_names
from mmsearch_dagster.core.personalisation.network import Ranker, RankerSpec
from mmsearch_dagster.core.personalisation.people import PeopleState, states_at
from mmsearch_dagster.core.personalisation.scoring import Scored
from mmsearch_dagster.core.personalisation.training_rows import training_rows
from tests.core.personalisation.shop import START, items, log, no_cosines, products

LOOKS = (1.0, 0.5, 0.25)


@cache
def past() -> PeopleState:
    """What the log tells about people after two days."""
    return next(states_at(log(), products(), items(), [START + timedelta(days=2)], FeedbackParams()))


def scored(now: float = 0.0) -> Scored:
    """A ranker that counts one figure alone: the cosine of query and text."""
    shop = items()
    names = feature_names(list(shop.blocks), ())
    count = len(names)
    spec = RankerSpec(
        width=shop.vectors.shape[1],
        blocks=dict(shop.blocks),
        features=names,
        mean=(0.0,) * count,
        spread=(1.0,) * count,
        propensities=LOOKS,
    )
    ranker = Ranker(spec)
    with torch.no_grad():
        for weights in ranker.parameters():
            weights.zero_()
        ranker.wide.weight[0, names.index(f"query to {next(iter(shop.blocks))}")] = 2.0
    return Scored(past(), shop, {}, {}, ranker.eval(), 0.0, lambda: now)


def test_a_response_is_a_look_times_a_click_and_knows_how_well_the_campaign_fits() -> None:
    one, rows = scored(), np.array([3, 4, 5], dtype=np.int64)
    name = next(iter(one.items.blocks))
    fit = np.array([0.5, 0.0, -0.5])
    click = 1.0 / (1.0 + np.exp(-2.0 * fit))
    expected = float(np.mean(click * LOOKS))
    found = one.responses(rows, {name: fit})
    assert len(found) == len(one.state.ids) > 0
    np.testing.assert_allclose(found, expected, atol=1e-6)
    without = one.responses(rows, {})
    np.testing.assert_allclose(without, 0.5 * np.mean(LOOKS), atol=1e-6)


def test_a_page_has_the_same_hour_when_it_is_served_as_when_the_ranker_learned_from_it() -> None:
    events = log(40)
    pages = result_lists(events)
    learned = training_rows(
        pages,
        events,
        products(),
        items(),
        feedback=FeedbackParams(),
        cosines=no_cosines,
        reviews=pl.DataFrame(schema=REVIEWS),
    ).features
    hours = [feature_names(list(items().blocks), ()).index(name) for name in (HOUR_SINE, HOUR_COSINE)]
    first, unranked = np.array([0], dtype=np.int64), np.array([np.nan])

    served = [
        scored(moment.timestamp()).inputs(-1, first, unranked, {})[2][0, hours] for moment in pages[TIMESTAMP]
    ]

    np.testing.assert_allclose(served, learned[:, hours], atol=1e-6)
    assert len({tuple(row) for row in learned[:, hours].round(6).tolist()}) == 24
