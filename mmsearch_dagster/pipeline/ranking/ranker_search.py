"""How the ensemble's trees are grown for `ranking`: as configured, or those that a search chose.

What a search compares are answers to training queries that the ranker did not learn from (cross-fitting).
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from mmsearch_dagster.adapters.hyper_parameters.study import SearchBudget, best_trial, run_study
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.evaluation.judged_queries import score
from mmsearch_dagster.core.ranking.cross_fit import folds_of, out_of_fold_scores
from mmsearch_dagster.core.ranking.rankers.lambdamart import LambdaMartParams
from mmsearch_dagster.core.ranking.rankers.stage import trainers
from mmsearch_dagster.core.ranking.training_set import TrainingSet
from mmsearch_dagster.pipeline.ranking.order_trial import SEED, CandidateLists, ranker_folds
from mmsearch_dagster.pipeline.training.hyper_parameters import SearchFacts
from mmsearch_dagster.pipeline.workspace import Workspace

_STAGE = "search ensemble"
_METRIC = "cross_fitted_ndcg@10"


def searched_params(
    workspace: Workspace,
    source: Snapshot,
    search: Snapshot,
    candidates: CandidateLists,
    training: TrainingSet,
) -> LambdaMartParams:
    """The parameters of the best trial, each of them a nested run in MLflow; the first is as configured.

    Args:
        workspace: the home.
        source: training examples.
        search: whose budget is used here too.
        candidates: judged queries and what each retriever brings.
        training: their features and grades.
    """
    facts = SearchFacts.of(search)
    fold_of = folds_of(candidates.texts, folds=ranker_folds(len(candidates.texts)), seed=SEED)
    workspace.progress.start(_STAGE, facts.trials)
    with workspace.tracking.strategy(workspace.tracking.refresh(source.digest), _STAGE) as log:

        def objective(trial: Any) -> float:
            params = _suggested(trial)
            with workspace.tracking.strategy(log.run_id, f"ensemble, trial {trial.number}") as trial_log:
                trial_log.params({key: str(value) for key, value in trial.params.items()})
                scores = out_of_fold_scores(training, fold_of, trainers(params)["ensemble"])
                values = score(training.rankings(scores), candidates.grades)
                value = float(np.mean(list(values.values()) or [0.0]))
                trial_log.metrics({_METRIC: value})
            workspace.progress.advance(_STAGE, 1)
            return value

        trials = run_study(
            workspace.paths.searches,
            f"ensemble {search.digest[:16]} {digest_of({'texts': dict(candidates.texts)})[:8]}",
            objective,
            first=_starting_values(LambdaMartParams()),
            budget=SearchBudget(facts.trials, facts.minutes),
            seed=LambdaMartParams().seed,
        )
        best = best_trial(trials)
        log.metrics({_METRIC: best.value, "trials": len(trials)})
    workspace.progress.finish(_STAGE)
    return _with_values(best.params)


def _suggested(trial: Any) -> LambdaMartParams:
    trial.suggest_int("rounds", 50, 400)
    trial.suggest_int("leaves", 4, 31)
    trial.suggest_float("learning_rate", 0.01, 0.3, log=True)
    trial.suggest_int("rows_in_leaf", 5, 100)
    return _with_values(trial.params)


def _with_values(values: Mapping[str, Any]) -> LambdaMartParams:
    return LambdaMartParams(**{**asdict(LambdaMartParams()), **values})


def _starting_values(params: LambdaMartParams) -> dict[str, float | int | str]:
    values = asdict(params)
    del values["seed"]
    return values
