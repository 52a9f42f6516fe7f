"""Position bias: how likely a result is looked at, by its position, estimated from the log alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_EPSILON = 1e-6
# Pseudo-counts that pull a rarely shown position towards the one above it.
_SMOOTHING = 20.0
_NEWTON_STEPS = 3
_RIDGE = 1.0


@dataclass(frozen=True)
class Propensities:
    """by_position[p]: chance that position p (from 0) is looked at, relative to the first position (1.0).

    Deeper positions than were seen count as the last one.
    """

    by_position: tuple[float, ...]

    def of(self, positions: NDArray[np.int64]) -> Values:
        """The chance that a result at each position is looked at.

        Args:
            positions: from 0, [n].

        Returns:
            float64 [n].
        """
        table = np.asarray(self.by_position)
        return table[np.clip(positions, 0, len(table) - 1)]

    def weights(self, positions: NDArray[np.int64], clip: float) -> Values:
        """Inverse propensities: the bias-variance trade of Joachims, Swaminathan and Schnabel, Unbiased
        Learning-to-Rank with Biased Feedback, WSDM 2017, section 5.

        Args:
            positions: from 0, [n].
            clip: the greatest weight.

        Returns:
            float64 [n].
        """
        return np.minimum(1.0 / np.maximum(self.of(positions), _EPSILON), clip)


def estimate(
    positions: NDArray[np.int64], clicked: NDArray[np.bool_], features: Values, *, rounds: int = 40
) -> Propensities:
    """Regression EM of the position-based click model P(click) = theta[position] * gamma(features).

    E step: the chance that a shown, unclicked result was looked at, and that it was relevant. M step:
    theta is the mean of the former per position, gamma a ridge logistic regression on the latter (Wang,
    Golbandi, Bendersky, Metzler and Najork, Position Bias Estimation for Unbiased Learning to Rank in
    Personal Search, WSDM 2018, section 4). Scaled so that the first position is 1 and made
    non-increasing.

    Args:
        positions: from 0, int64 [n].
        clicked: bool [n]; without any click every position counts 1.
        features: [n, f], without the position, standardised.
        rounds: of EM.

    Returns:
        One propensity per position.
    """
    deepest = int(positions.max()) + 1 if len(positions) else 1
    if not clicked.any():
        return Propensities((1.0,) * deepest)
    design = np.column_stack([np.ones(len(positions)), features])
    theta = 1.0 / (1.0 + np.arange(deepest))
    beta = np.zeros(design.shape[1])
    shown = np.bincount(positions, minlength=deepest)
    for _ in range(rounds):
        gamma = np.clip(_sigmoid(design @ beta), _EPSILON, 1 - _EPSILON)
        look = np.clip(theta[positions], _EPSILON, 1 - _EPSILON)
        unseen = 1.0 - look * gamma
        looked = np.where(clicked, 1.0, look * (1.0 - gamma) / unseen)
        relevant = np.where(clicked, 1.0, gamma * (1.0 - look) / unseen)
        above = np.concatenate([[1.0], theta[:-1]])
        looks = np.bincount(positions, weights=looked, minlength=deepest)
        theta = (looks + _SMOOTHING * above) / (shown + _SMOOTHING)
        beta = _logistic(design, relevant, beta)
    scaled = np.minimum.accumulate(np.clip(theta / max(theta[0], _EPSILON), _EPSILON, 1.0))
    return Propensities(tuple(float(round(value, 6)) for value in scaled))


def _sigmoid(x: Values) -> Values:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _logistic(design: Values, target: Values, beta: Values) -> Values:
    """A few Newton steps of ridge logistic regression towards soft targets in [0, 1]."""
    ridge = _RIDGE * np.eye(design.shape[1])
    ridge[0, 0] = _EPSILON
    for _ in range(_NEWTON_STEPS):
        chance = _sigmoid(design @ beta)
        gradient = design.T @ (target - chance) - ridge @ beta
        curvature = (design * (chance * (1.0 - chance))[:, None]).T @ design + ridge
        beta = beta + np.linalg.solve(curvature, gradient)
    return beta
