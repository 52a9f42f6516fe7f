"""What clicks say about products once the position they were shown at is taken out, by EM."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Rows = NDArray[np.int64]

ClickModelName = Literal["position-based", "cascade"]

_EPSILON = 1e-9
# Pseudo-observations of every product, at the log's mean: few impressions say little.
_PRIOR = 2.0


@dataclass(frozen=True)
class ResultPages:
    """Pages as they were shown, `p` of them, `depth` positions deep.

    pairs: int64 [p, depth], which (query, product) stood there, from 0; -1 where nothing was logged.
    clicked: bool [p, depth]. pair_count: how many different pairs there are.
    """

    pairs: Rows
    clicked: NDArray[np.bool_]
    pair_count: int

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Where a product was logged, [p, depth]."""
        return self.pairs >= 0

    def summed(self, values: Values) -> Values:
        """The sum of `values` [p, depth] for each pair, [pair_count]."""
        shown = self.shown
        sums = np.bincount(self.pairs[shown], weights=values[shown], minlength=self.pair_count)
        return sums.astype(np.float64)

    def of_pairs(self, values: Values) -> Values:
        """The value of the pair at each position, [p, depth]; of the first pair where nothing was shown."""
        return values[np.maximum(self.pairs, 0)]


class ClickModel(Protocol):
    """A fitted model."""

    @property
    def attraction(self) -> Values:
        """How likely a person who looks at it clicks each pair, [pairs], 0 to 1."""
        ...

    @property
    def name(self) -> ClickModelName:
        """As it is called in reports."""
        ...

    def log_likelihood(self, pages: ResultPages) -> float:
        """Of the clicks of pages with the same pairs."""
        ...


def _beta_prior(pages: ResultPages) -> tuple[float, float]:
    """Pseudo-clicks and pseudo-looks without a click of every pair."""
    share = float(pages.clicked.sum()) / max(1, int(pages.shown.sum()))
    clicks = _PRIOR * min(max(share, 0.01), 0.99)
    return clicks, _PRIOR - clicks


def _clip(chances: Values) -> Values:
    return np.clip(chances, _EPSILON, 1.0 - _EPSILON)


def _log_prior(chances: Values, prior: tuple[float, float]) -> float:
    return float((prior[0] * np.log(chances) + prior[1] * np.log1p(-chances)).sum())


@dataclass(frozen=True)
class PositionBasedModel:
    """P(click) = examination[position] * attraction[pair].

    examination: [depth], 1 at the position that is looked at most. objectives: log-likelihood plus log-prior
    before each round; it never falls.
    """

    attraction: Values
    examination: Values
    objectives: tuple[float, ...]

    @property
    def name(self) -> ClickModelName:
        """As it is called in reports."""
        return "position-based"

    def log_likelihood(self, pages: ResultPages) -> float:
        """Of the clicks of pages with the same pairs."""
        return _position_based_likelihood(pages, self.attraction, self.examination)


def _position_based_likelihood(pages: ResultPages, attraction: Values, examination: Values) -> float:
    chance = _clip(pages.of_pairs(attraction) * examination[None, : pages.pairs.shape[1]])
    logs = np.where(pages.clicked, np.log(chance), np.log1p(-chance))
    return float(logs[pages.shown].sum())


def fit_position_based(pages: ResultPages, *, rounds: int = 60) -> PositionBasedModel:
    """EM of the position-based model (Craswell, Zoeter, Taylor and Ramsey, An experimental comparison of
    click position-bias models, WSDM 2008), with a beta prior on each attraction.

    Only the product of the two chances can be seen: the examination is scaled so that its highest is 1.

    Args:
        pages: result pages with their clicks.
        rounds: of EM.

    Returns:
        The model of the last round.
    """
    prior, shown = _beta_prior(pages), pages.shown
    times_shown = np.maximum(shown.sum(axis=0), 1)
    attraction = np.full(pages.pair_count, 0.5)
    examination = _clip(1.0 / (1.0 + np.arange(pages.pairs.shape[1])))
    objectives = []
    for _ in range(rounds):
        likelihood = _position_based_likelihood(pages, attraction, examination)
        objectives.append(likelihood + _log_prior(attraction, prior))
        looked, attracted = _position_based_posteriors(pages, attraction, examination)
        counts = pages.summed(np.ones_like(attracted))
        attraction = _clip((pages.summed(attracted) + prior[0]) / (counts + sum(prior)))
        examination = _clip(np.where(shown, looked, 0.0).sum(axis=0) / times_shown)
    highest = float(examination.max())
    return PositionBasedModel(_clip(attraction * highest), examination / highest, tuple(objectives))


def _position_based_posteriors(
    pages: ResultPages, attraction: Values, examination: Values
) -> tuple[Values, Values]:
    """How likely each was looked at, and was attractive, given whether it was clicked; [p, depth] each."""
    attractive, look = pages.of_pairs(attraction), examination[None, :]
    unclicked = 1.0 - look * attractive
    looked = np.where(pages.clicked, 1.0, look * (1.0 - attractive) / unclicked)
    attracted = np.where(pages.clicked, 1.0, attractive * (1.0 - look) / unclicked)
    return looked, attracted


@dataclass(frozen=True)
class CascadeModel:
    """A person reads from the top, clicks what attracts, stops where satisfied, and else goes on.

    satisfaction: how likely a click on each pair is the last one, [pairs]. continuation: how likely a person
    who is not satisfied goes on to the next position. objectives: as of the position-based model.
    """

    attraction: Values
    satisfaction: Values
    continuation: float
    objectives: tuple[float, ...]

    @property
    def name(self) -> ClickModelName:
        """As it is called in reports."""
        return "cascade"

    def log_likelihood(self, pages: ResultPages) -> float:
        """Of the clicks of pages with the same pairs."""
        return _CascadeStep(pages, self.attraction, self.satisfaction, self.continuation).log_likelihood()


class _CascadeStep:
    """The hidden states of every page under given parameters.

    Down to the last click everything is known: each position was looked at. Below it, a person was satisfied,
    or gave up somewhere, or read on and clicked nothing.
    """

    def __init__(
        self, pages: ResultPages, attraction: Values, satisfaction: Values, continuation: float
    ) -> None:
        self._pages, self._go_on = pages, continuation
        self._shown, self._clicked = pages.shown, pages.clicked & pages.shown
        self._attractive, self._satisfying = pages.of_pairs(attraction), pages.of_pairs(satisfaction)
        depth = pages.pairs.shape[1]
        columns = np.arange(depth)
        self._last_click = np.where(self._clicked, columns, -1).max(axis=1)
        self._last_shown = np.where(self._shown, columns, -1).max(axis=1)
        self._silence = self._chances_of_silence()
        self.looked, self.satisfied = self._forward()

    def _chances_of_silence(self) -> Values:
        """Chance of no click from a position on, for a person who looks at it, [p, depth + 1]."""
        pages, depth = self._pages.pairs.shape
        silence = np.ones((pages, depth + 1))
        for column in reversed(range(depth)):
            unattracted = 1.0 - self._attractive[:, column]
            after = self._silence_after(silence, column)
            silence[:, column] = np.where(self._shown[:, column], unattracted * after, silence[:, column + 1])
        return silence

    def _silence_after(self, silence: Values, column: int) -> Values:
        """Of a person who is not satisfied here; after the last product there is nothing to click."""
        onward = (1.0 - self._go_on) + self._go_on * silence[:, column + 1]
        return np.where(column < self._last_shown, onward, 1.0)

    def _forward(self) -> tuple[Values, Values]:
        """Posterior chances of each position, [p, depth]: that it was looked at; that its click satisfied."""
        looked, satisfied = np.zeros(self._pages.pairs.shape), np.zeros(self._pages.pairs.shape)
        reached = np.ones(len(self._last_click))
        for column in range(self._pages.pairs.shape[1]):
            looked[:, column] = np.where(self._shown[:, column], reached, 0.0)
            after = self._silence_after(self._silence, column)
            onward = self._go_on * self._silence[:, column + 1] / after
            s = self._satisfying[:, column]
            whole = s + (1.0 - s) * after
            is_last = column == self._last_click
            satisfied[:, column] = np.where(is_last, s / whole, 0.0)
            below = np.where(is_last, (1.0 - s) * after / whole * onward, reached * onward)
            following = np.where(column < self._last_click, 1.0, below)
            reached = np.where(self._shown[:, column], following, reached)
        return looked, satisfied

    def continuations(self) -> tuple[float, float]:
        """Expected number of times that a person went on, and could have."""
        went_on, could = 0.0, 0.0
        rows = np.arange(len(self._last_click))
        for column in range(self._pages.pairs.shape[1] - 1):
            counted = self._shown[:, column] & (column < self._last_shown)
            following = self._next_looked(rows, column)
            unsatisfied = self.looked[:, column] - self.satisfied[:, column]
            went_on += float(following[counted].sum())
            could += float(unsatisfied[counted].sum())
        return went_on, could

    def _next_looked(self, rows: Rows, column: int) -> Values:
        """Whether the next product that was shown was looked at, [p]."""
        following = self._shown[:, column + 1 :]
        next_column = column + 1 + following.argmax(axis=1)
        return np.where(following.any(axis=1), self.looked[rows, next_column], 0.0)

    def log_likelihood(self) -> float:
        """Of all clicks."""
        columns = np.arange(self._pages.pairs.shape[1])[None, :]
        last = self._last_click[:, None]
        upto = self._shown & (columns <= last)
        logs = np.where(self._clicked, np.log(self._attractive), np.log1p(-self._attractive))[upto].sum()
        before = self._shown & (columns < last)
        logs += before.sum() * np.log(self._go_on)
        logs += np.log1p(-self._satisfying)[before & self._clicked].sum()
        rows = np.flatnonzero(self._last_click >= 0)
        s = self._satisfying[rows, self._last_click[rows]]
        after = np.array([self._silence_after(self._silence, column) for column in range(columns.shape[1])])[
            self._last_click[rows], rows
        ]
        silent = self._silence[self._last_click < 0, 0]
        return float(logs + np.log(s + (1.0 - s) * after).sum() + np.log(silent).sum())


def fit_cascade(pages: ResultPages, *, rounds: int = 60) -> CascadeModel:
    """EM of the dynamic Bayesian network of clicks (Chapelle and Zhang, A dynamic Bayesian network click
    model for web search ranking, WWW 2009), a cascade with several clicks, with beta priors.

    Args:
        pages: result pages with their clicks.
        rounds: of EM.

    Returns:
        The model of the last round.
    """
    prior = _beta_prior(pages)
    even = (_PRIOR / 2, _PRIOR / 2)
    attraction = np.full(pages.pair_count, 0.5)
    satisfaction = np.full(pages.pair_count, 0.5)
    continuation = 0.8
    clicks = pages.summed((pages.clicked & pages.shown).astype(np.float64))
    objectives = []
    for _ in range(rounds):
        step = _CascadeStep(pages, attraction, satisfaction, continuation)
        priors = _log_prior(attraction, prior) + _log_prior(satisfaction, even)
        priors += _log_prior(np.array([continuation]), even)
        objectives.append(step.log_likelihood() + priors)
        attraction = _clip((clicks + prior[0]) / (pages.summed(step.looked) + sum(prior)))
        satisfaction = _clip((pages.summed(step.satisfied) + even[0]) / (clicks + sum(even)))
        went_on, could = step.continuations()
        continuation = float(_clip(np.array((went_on + even[0]) / (could + sum(even)))))
    return CascadeModel(attraction, satisfaction, continuation, tuple(objectives))
