"""The MLflow run of the step `ranking`: what was tried, what was chosen, which features count."""

from typing import TYPE_CHECKING

from mmsearch_dagster.core.fusion.training_log import Param
from mmsearch_dagster.core.ranking.features import FEATURES
from mmsearch_dagster.core.ranking.rankers.importance import feature_importances
from mmsearch_dagster.core.ranking.rankers.stage import TRAINERS, RankingStage
from mmsearch_dagster.core.ranking.training_set import TrainingSet
from mmsearch_dagster.pipeline.ranking.cross_fit_fusion import FOLDS
from mmsearch_dagster.pipeline.ranking.order_trial import (
    SEED,
    CandidateLists,
    OrderTrial,
    choices_table,
    ranker_folds,
)

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.registry.tracking import Tracking

RUN = "ranking"


def log_ranking_run(
    tracking: "Tracking",
    parent: str,
    candidates: CandidateLists,
    trial: OrderTrial,
    *,
    stage: RankingStage | None,
    training: TrainingSet,
) -> str:
    """A run beside those of the fusion candidates; its id.

    Args:
        tracking: of the home.
        parent: the run of this refresh.
        candidates: the queries that decided.
        trial: how each way orders them.
        stage: the trained ranker; None where no kind of query is ordered by it.
        training: what it learned from.
    """
    with tracking.strategy(parent, RUN) as log:
        log.params(_params(trial, training))
        log.metrics(trial.metrics(candidates))
        log.table("choices", choices_table(trial.choices).write_csv())
        if stage is not None:
            log.table("feature_importances", feature_importances(stage.ranker, training).write_csv())
        return log.run_id


def _params(trial: OrderTrial, training: TrainingSet) -> dict[str, Param]:
    orders = {f"order/{choice.kind}": choice.single or choice.order for choice in trial.choices}
    return {
        "ranker": trial.ranker,
        "tried": ", ".join(TRAINERS),
        "features": len(FEATURES),
        "queries": len(training.query_ids),
        "candidates": len(training.product_ids),
        "folds of the fused vector": FOLDS,
        "folds of the ranker": ranker_folds(len(training.query_ids)),
        "seed": SEED,
        **orders,
    }
