from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.core.catalog.schemas import EVENTS
from mmsearch_dagster.core.user_profiles.churn import (
    AGE,
    CHURN,
    LAST,
    VISITS,
    ChurnModel,
    churn_scores,
    fit_churn,
    visit_features,
)

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def acted(*rows: tuple[str, float, str]) -> pl.DataFrame:
    """Each row: user, days after the start, action."""
    return pl.DataFrame(
        [{"user_id": u, "timestamp": START + timedelta(days=d), "action": a} for u, d, a in rows],
        schema=EVENTS,
    )


def people(*rows: tuple[float, float, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=[VISITS, LAST, AGE], orient="row")


def test_a_visit_is_a_day_with_an_action() -> None:
    events = acted(
        ("u", 0, "click"), ("u", 0.1, "purchase"), ("u", 4, "view"), ("u", 20, "click"),
        ("v", 1, "impression"), ("w", 2, "view"),
    )  # fmt: skip
    figures = visit_features(events, START.replace(hour=0) + timedelta(days=10))
    assert figures.rows() == [("u", 1.0, 4.0, 10.0), ("w", 0.0, 0.0, 8.0)]


def test_silence_counts_more_for_who_used_to_come_often() -> None:
    model = ChurnModel(r=1.0, alpha=5.0, a=1.0, b=3.0, people=10)
    frame = people((8, 10, 30), (8, 29, 30), (1, 10, 30), (0, 0, 30))
    often_gone, often_here, rare, single = churn_scores(frame, model)[CHURN].to_list()
    assert often_here < rare < often_gone
    assert 0 < single < 1
    # x = 1, t_x = 10, T = 30: 1 / (1 + 1 / (3 + 1) * (35 / 15)^2).
    assert rare == pytest.approx(1 - 1 / (1 + (35 / 15) ** 2 / 4), abs=1e-6)


def test_the_fit_tells_who_left_in_a_simulated_shop() -> None:
    rng = np.random.default_rng(3)
    rows, active = [], []
    for _ in range(800):
        rate, leaves = rng.gamma(1.5) / 6, rng.beta(1.2, 4)
        now, last, count, gone = 0.0, 0.0, 0, rng.random() < leaves
        while not gone and (now := now + rng.exponential(1 / rate)) < 60:
            last, count, gone = now, count + 1, rng.random() < leaves
        rows.append((float(count), last, 60.0))
        active.append(not gone)
    figures = people(*rows)
    model = fit_churn(figures)
    churn = churn_scores(figures, model)[CHURN].to_numpy()
    left = ~np.array(active)
    assert model == fit_churn(figures)
    assert churn[left].mean() > churn[~left].mean() + 0.15
    assert abs(churn.mean() - left.mean()) < 0.08


def test_an_empty_log_has_no_churn() -> None:
    figures = visit_features(acted(), START)
    model = fit_churn(figures)
    assert model.people == 0
    assert churn_scores(figures, model).height == 0
