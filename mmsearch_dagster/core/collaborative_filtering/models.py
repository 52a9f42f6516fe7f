"""The models that are compared: popularity, EASE, ALS, BPR. Each ranks items for known users.

EASE comes twice: with its whole item-item matrix, and as factors (`ease-svd`), the form that the fusion
model and the ranker can read.

Letters: `u` users, `n` items, `b` users of a batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from mmsearch_dagster.core.collaborative_filtering.ease import ease_weights
from mmsearch_dagster.core.collaborative_filtering.factors import (
    Factors,
    factors_of_weights,
    no_factors,
    projection,
)
from mmsearch_dagster.core.collaborative_filtering.interactions import Interactions

Kind = Literal["popularity", "ease", "ease-svd", "als", "bpr"]
Matrix = NDArray[np.float32]
_SEED = 7
# A weaker pull makes the projection follow single interactions.
_FOLD_IN_REGULARISATION = 1.0


class ModelParams(BaseModel):
    """One model and its hyper-parameters; those of the other kinds are not read.

    l2: both EASE. factors: width of all but EASE and popularity. regularization, iterations: ALS, BPR.
    alpha: ALS, confidence of a weight. learning_rate: BPR.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    l2: float = 100.0
    factors: int = 32
    regularization: float = 0.05
    alpha: float = 1.0
    iterations: int = 15
    learning_rate: float = 0.05

    def description(self) -> str:
        """The parameters that this kind of model uses, as a short text."""
        read = {
            "popularity": (),
            "ease": ("l2",),
            "ease-svd": ("l2", "factors"),
            "als": ("factors", "regularization", "alpha", "iterations"),
            "bpr": ("factors", "regularization", "learning_rate", "iterations"),
        }[self.kind]
        return ", ".join(f"{name} {getattr(self, name):g}" for name in read)


class ItemRanker(Protocol):
    """What was fitted to a matrix [u, n]."""

    def scores(self, rows: NDArray[np.int64]) -> Matrix:
        """Scores of every item for some users.

        Args:
            rows: int64 [b], rows of the matrix that the model was fitted to.

        Returns:
            float32 [b, n].
        """
        ...


@dataclass(frozen=True)
class Popularity:
    """Every user gets the items that most users chose. counts: float32 [n]."""

    counts: Matrix

    def scores(self, rows: NDArray[np.int64]) -> Matrix:
        return np.broadcast_to(self.counts, (len(rows), len(self.counts)))


@dataclass(frozen=True)
class Ease:
    """weights: float32 [n, n]."""

    interactions: Interactions
    weights: Matrix

    def scores(self, rows: NDArray[np.int64]) -> Matrix:
        return np.asarray(csr_matrix(self.interactions.matrix[rows]) @ self.weights, dtype=np.float32)


@dataclass(frozen=True)
class Factorised:
    """EASE as factors, ALS and BPR."""

    factors: Factors

    def scores(self, rows: NDArray[np.int64]) -> Matrix:
        return self.factors.scores(self.factors.users[rows])


def popularity(matrix: csr_matrix) -> Matrix:
    """How many users chose each item.

    Args:
        matrix: interactions [u, n].

    Returns:
        float32 [n].
    """
    _, items = matrix.get_shape()
    return np.bincount(matrix.indices, minlength=items).astype(np.float32)


def fit(interactions: Interactions, params: ModelParams) -> ItemRanker:
    """Fit one model; the same input gives the same bytes. Raises TooManyItemsError (EASE)."""
    if params.kind == "popularity":
        return Popularity(popularity(interactions.matrix))
    if params.kind == "ease":
        return Ease(interactions, ease_weights(interactions.matrix, params.l2))
    return Factorised(factorise(interactions, params))


def factorise(interactions: Interactions, params: ModelParams) -> Factors:
    """Factors of users and items by `ease-svd`, `als` or `bpr`. Raises TooManyItemsError (EASE)."""
    if not interactions.items:
        return no_factors()
    if params.kind == "ease-svd":
        return factors_of_weights(interactions, ease_weights(interactions.matrix, params.l2), params.factors)
    return _implicit_factors(interactions, params)


def _implicit_factors(interactions: Interactions, params: ModelParams) -> Factors:
    # implicit asks for a BLAS of one thread, and with one thread of its own the result is repeatable.
    with threadpool_limits(1):
        model = _implicit_model(params)
        model.fit(interactions.matrix, show_progress=False)
    users, items = (np.array(side, dtype=np.float32) for side in (model.user_factors, model.item_factors))
    return Factors(
        interactions.users, interactions.items, users, items, projection(items, _FOLD_IN_REGULARISATION)
    )


def _implicit_model(params: ModelParams) -> Any:
    shared: Mapping[str, Any] = {
        "factors": params.factors,
        "regularization": params.regularization,
        "iterations": params.iterations,
        "num_threads": 1,
        "random_state": _SEED,
    }
    if params.kind == "als":
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(alpha=params.alpha, **shared)
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    return BayesianPersonalizedRanking(learning_rate=params.learning_rate, **shared)
