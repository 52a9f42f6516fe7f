"""Who is about to stay away: the chance that a shopper is still active, from frequency and recency alone.

MBG/NBD (Batislam, Denizel and Filiztekin, International Journal of Research in Marketing 24, 2007), after the
BG/NBD of Fader, Hardie and Lee (Marketing Science 24, 2005): while active a person visits at a rate that
is gamma distributed over people (r, alpha); after each visit, the first included, they leave for good with a
chance that is beta distributed (a, b). BG/NBD itself holds everybody with a single visit to be active for
ever, which no shop believes. Neither needs labels or a horizon, which a young log lacks: a logistic
model would have to give away the last weeks of a thirty-day log as labels.
"""

from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mmsearch_dagster.core.catalog.columns import ACTION, TIMESTAMP, USER_ID

CHURN = "churn"
VISITS, LAST, AGE = "repeat_visits", "last_visit_day", "age_days"
_SHOWN = "impression"
_DAY_US = 86_400.0 * 1e6
Values = NDArray[np.float64]
# Keeps the likelihood's maximum finite in small logs (Fader and Hardie's own implementation does the same).
_PENALTY = 0.01


class ChurnModel(BaseModel):
    """The four parameters; `people` they were fitted to."""

    model_config = ConfigDict(frozen=True)

    r: float
    alpha: float
    a: float
    b: float
    people: int


def visit_features(events: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Recency and frequency of the visits of each user.

    A visit is a day on which a person did something; being shown something is no action.

    Args:
        events: rows of the events table.
        as_of: later events are left out.

    Returns:
        One row per user, sorted by user: `user_id`, `repeat_visits` (days with an action after the
        first), `last_visit_day` (days from the first visit to the last), `age_days` (from the first visit
        to `as_of`).
    """
    day = pl.col(TIMESTAMP).dt.truncate("1d")
    acted = events.filter((pl.col(ACTION) != _SHOWN) & (pl.col(TIMESTAMP) <= as_of)).drop_nulls(
        [USER_ID, TIMESTAMP]
    )
    first, last = day.min(), day.max()
    now = pl.lit(as_of, dtype=pl.Datetime("us", "UTC"))
    return (
        acted.group_by(USER_ID)
        .agg(
            (day.n_unique() - 1).cast(pl.Float64).alias(VISITS),
            ((last - first).dt.total_microseconds() / _DAY_US).alias(LAST),
            ((now - first).dt.total_microseconds() / _DAY_US).alias(AGE),
        )
        .sort(USER_ID)
    )


def fit_churn(features: pl.DataFrame) -> ChurnModel:
    """Maximum likelihood, lightly penalised, by L-BFGS-B on log parameters from a fixed start.

    Args:
        features: what `visit_features` returns.

    Returns:
        The fitted model; all parameters 1.0 without a user.
    """
    from scipy.optimize import minimize

    x, t_x, t = (features[name].to_numpy().astype(np.float64) for name in (VISITS, LAST, AGE))
    if not len(x):
        return ChurnModel(r=1.0, alpha=1.0, a=1.0, b=1.0, people=0)

    def loss(log_params: Values) -> float:
        likelihood = _log_likelihood(np.exp(log_params), x, t_x, np.maximum(t, t_x))
        return float(-likelihood.mean() + _PENALTY * (log_params**2).sum())

    optimum = minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=[(-8.0, 8.0)] * 4)
    r, alpha, a, b = (float(parameter) for parameter in np.exp(optimum.x))
    return ChurnModel(r=r, alpha=alpha, a=a, b=b, people=len(x))


def _log_likelihood(params: Values, x: Values, t_x: Values, t: Values) -> Values:
    """Of one visit process per person, in logs: [people]. It ends active, or left after the last visit."""
    from scipy.special import betaln, gammaln

    r, alpha, a, b = params
    start = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    stays = betaln(a, b + x + 1) - (r + x) * np.log(alpha + t)
    leaves = betaln(a + 1, b + x) - (r + x) * np.log(alpha + t_x)
    return start + np.logaddexp(stays, leaves)


def churn_scores(features: pl.DataFrame, model: ChurnModel) -> pl.DataFrame:
    """Adds the chance that each user does not come back: 1 - P(active | x, t_x, T).

    P = 1 / (1 + a / (b + x) ((alpha + T) / (alpha + t_x))^(r + x)) with x repeat visits, the last one t_x
    days and now T days after the first.

    Args:
        features: what `visit_features` returns.
        model: a fitted model.

    Returns:
        `features` with `churn` in [0, 1], rounded to 6 decimals.
    """
    x, t_x, t = (features[name].to_numpy().astype(np.float64) for name in (VISITS, LAST, AGE))
    t = np.maximum(t, t_x)
    odds = np.log(model.a / (model.b + x)) + (model.r + x) * np.log((model.alpha + t) / (model.alpha + t_x))
    churn = 1.0 / (1.0 + np.exp(-np.clip(odds, -500.0, 500.0)))
    return features.with_columns(pl.Series(CHURN, np.round(churn, 6), dtype=pl.Float64))
