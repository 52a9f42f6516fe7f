"""Chances of a response, from a ranker whose weights a person can follow."""

from datetime import timedelta
from functools import cache

import numpy as np

from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams
from mmsearch_dagster.core.personalisation.features import feature_names
from mmsearch_dagster.core.personalisation.people_state import PeopleState, states_at
from mmsearch_dagster.core.personalisation.person_ranker import LinearPersonRanker, PersonSpec
from mmsearch_dagster.core.personalisation.scoring import Scored
from mmsearch_dagster.core.ranking.rankers.linear import LinearRanker
from tests.core.personalisation.shop import START, items, log, products

LOOKS = (1.0, 0.5, 0.25)


@cache
def past() -> PeopleState:
    """What the log tells about people after two days."""
    return next(states_at(log(), products(), items(), [START + timedelta(days=2)], FeedbackParams()))


def scored() -> Scored:
    """A ranker that counts one feature alone: the cosine of query and text."""
    shop = items()
    names = feature_names(list(shop.blocks))
    weights = np.where([name == f"query to {next(iter(shop.blocks))}" for name in names], 4.0, 0.0)
    linear = LinearRanker(weights, np.zeros(len(names)), np.ones(len(names)))
    spec = PersonSpec(features=names, blocks=dict(shop.blocks), propensities=LOOKS, click=(0.5, -1.0))
    return Scored(past(), shop, {}, {}, LinearPersonRanker(linear, spec), 0.0, lambda: 0.0)


def test_a_response_is_a_look_times_a_click_and_knows_how_well_the_campaign_fits() -> None:
    one, rows = scored(), np.array([3, 4, 5], dtype=np.int64)
    name = next(iter(one.items.blocks))
    fit = np.array([0.5, 0.0, -0.5])
    click = 1.0 / (1.0 + np.exp(1.0 - 2.0 * fit))
    expected = float(np.mean(click * LOOKS))
    found = one.responses(rows, {name: fit})
    assert len(found) == len(one.state.ids) > 0
    np.testing.assert_allclose(found, expected, atol=1e-6)
    without = one.responses(rows, {})
    np.testing.assert_allclose(without, np.mean(LOOKS) / (1.0 + np.e), atol=1e-6)


def test_what_a_score_is_made_of_adds_up_to_it() -> None:
    one, rank, fit = scored(), 3.0, {next(iter(items().blocks)): np.array([0.5])}

    parts = one.contributions(0, 5, rank, fit)

    score = float(one.scores(0, np.array([5], dtype=np.int64), np.array([rank]), fit)[0])
    assert sum(part for _, part in parts) == score == 2.0
    assert parts[0] == ("query to text", 2.0) or parts[0] == ("query to image", 2.0)
