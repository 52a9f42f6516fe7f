"""The person's ranker: what it learns, and the chance of a click that its score stands for."""

import numpy as np
import pytest

from mmsearch_dagster.core.personalisation.features import columns_of, feature_names
from mmsearch_dagster.core.personalisation.fit import RankerParams, click_odds, fit_ranker, without_person
from mmsearch_dagster.core.personalisation.training_rows import TrainingRows

NAMES = feature_names(["text"])
TASTE, RATING = NAMES.index("taste text"), NAMES.index("rating")
PAGES, SHOWN = 400, 4


def pages(taste: float) -> TrainingRows:
    """Whoever looks clicks by taste: the first place always looks, the others half as often each."""
    draw = np.random.default_rng(2)
    features = np.full((PAGES * SHOWN, len(NAMES)), np.nan, np.float32)
    features[:, TASTE] = draw.normal(size=len(features))
    position = np.tile(np.arange(SHOWN), PAGES)
    features[:, NAMES.index("order before")] = 1.0 / np.log2(2.0 + position)
    chance = 1.0 / (1.0 + np.exp(1.0 - taste * features[:, TASTE]))
    clicked = draw.random(len(features)) < chance * 0.5**position
    ids = tuple(f"p{row}" for row in range(len(features)))
    return TrainingRows(ids, features, np.repeat(np.arange(PAGES), SHOWN), position, clicked.astype(np.int64))


def test_what_people_like_is_learned_and_what_nobody_knows_stays_silent() -> None:
    rows = pages(taste=2.0)
    fitted = fit_ranker(rows, (1200, 400), {"text": (0, 1)}, RankerParams(resamples=200))

    assert fitted.decision.promoted, fitted.decision.sentence
    assert next(iter(fitted.weights)) == "taste text"
    never_rated = rows.features.copy()
    rated = never_rated.copy()
    rated[:, RATING] = 4.5
    linear = fitted.ranker.linear
    assert np.array_equal(linear.predict(rated), linear.predict(never_rated))


def test_where_taste_says_nothing_nobody_gets_another_order() -> None:
    fitted = fit_ranker(pages(taste=0.0), (1200, 400), {"text": (0, 1)}, RankerParams(resamples=200))

    assert not fitted.decision.promoted


def test_the_odds_of_a_click_are_those_that_clicks_were_drawn_by() -> None:
    draw = np.random.default_rng(5)
    scores, look = draw.normal(size=40_000), draw.choice([1.0, 0.4], size=40_000)
    clicked = draw.random(40_000) < look / (1.0 + np.exp(-(1.5 * scores - 0.7)))

    assert click_odds(scores, clicked, look) == pytest.approx((1.5, -0.7), abs=0.08)


def test_without_the_person_everything_else_stays() -> None:
    features = np.ones((2, len(NAMES)), np.float32)

    masked = without_person(features, NAMES)

    gone = {NAMES[column] for column in np.flatnonzero(np.isnan(masked[0])).tolist()}
    assert gone == {NAMES[column] for column in columns_of(NAMES)["person"]}
    assert {"taste text", "collaborative"} <= gone
    assert not np.isnan(features).any()
