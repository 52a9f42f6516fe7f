"""LambdaMART (Burges, From RankNet to LambdaRank to LambdaMART, MSR-TR-2010-82), trained by LightGBM."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsearch_dagster.core.ranking.rankers.trees import TreeEnsemble, ensemble_of
from mmsearch_dagster.core.ranking.training_set import TrainingSet

_GAINS = [0, 1, 3, 7]


@dataclass(frozen=True)
class LambdaMartParams:
    """How the trees are grown. rounds: trees; leaves: of each at most."""

    rounds: int = 200
    leaves: int = 15
    learning_rate: float = 0.05
    rows_in_leaf: int = 30
    seed: int = 7


def train_lambdamart(training: TrainingSet, params: LambdaMartParams = LambdaMartParams()) -> TreeEnsemble:
    """Trees that order the training candidates by grade; the same bits for the same input and seed.

    Queries without any graded candidate teach nothing and are left out by the loss itself.
    """
    import lightgbm

    data = lightgbm.Dataset(training.features, training.grades, group=training.sizes)
    booster = lightgbm.train(_library_params(training, params), data, params.rounds)
    return ensemble_of(booster.dump_model())


def _library_params(training: TrainingSet, params: LambdaMartParams) -> dict[str, Any]:
    # A small set must be able to split at all.
    rows_in_leaf = max(1, min(params.rows_in_leaf, int(np.count_nonzero(training.grades)) // 10))
    return {
        "objective": "lambdarank",
        "label_gain": _GAINS,
        "lambdarank_truncation_level": 15,
        "num_leaves": params.leaves,
        "learning_rate": params.learning_rate,
        "min_data_in_leaf": rows_in_leaf,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": params.seed,
        "verbose": -1,
    }
