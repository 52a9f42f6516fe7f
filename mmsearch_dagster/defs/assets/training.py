"""training_examples -> one candidate per strategy -> the order of results."""

from collections.abc import Iterator

import dagster as dg

from mmsearch_dagster.core.fusion.config import STRATEGIES, Strategy
from mmsearch_dagster.defs.assets.features import FEATURE_ASSETS
from mmsearch_dagster.defs.metadata import metadata_of
from mmsearch_dagster.defs.resources import TRAINING_POOL, WorkspaceResource
from mmsearch_dagster.defs.retries import retried
from mmsearch_dagster.pipeline.memories import photo_memory as photo_memory_step
from mmsearch_dagster.pipeline.ranking import train_ranking
from mmsearch_dagster.pipeline.release.catalogue_refresh import DUE
from mmsearch_dagster.pipeline.training import candidates, examples
from mmsearch_dagster.pipeline.training import hyper_parameters as hyper_parameters_step

GROUP = "training"


@dg.asset(
    code_version=examples.CODE_VERSION,
    group_name=GROUP,
    deps=[
        *FEATURE_ASSETS.values(),
        dg.AssetKey("queries"),
        dg.AssetKey("interactions"),
        dg.AssetKey("collaborative_factors"),
        dg.AssetKey("searches"),
        dg.AssetKey("reviews"),
        dg.AssetKey(DUE),
    ],
    description="One row is one query with graded products: judged, or from log, catalogue or reviews.",
    pool=TRAINING_POOL,
    kinds={"polars"},
)
def training_examples(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(examples.build_examples(workspace.open())))


@dg.asset(
    code_version=photo_memory_step.CODE_VERSION,
    group_name=GROUP,
    deps=[training_examples],
    description="One row is one judged photo; together they are further keys to the products that they show.",
    kinds={"numpy"},
)
def photo_memory(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(photo_memory_step.learn_photos(workspace.open())))


class SearchBudgetConfig(dg.Config):
    """trials: of each strategy, 0 for none. minutes: for each strategy."""

    trials: int = 0
    minutes: float = 60.0


@dg.asset(
    name=hyper_parameters_step.ASSET,
    code_version=hyper_parameters_step.CODE_VERSION,
    group_name=GROUP,
    deps=[training_examples],
    pool=TRAINING_POOL,
    description="The parameters of the trainings: as configured, or searched on held-out training queries.",
    kinds={"optuna", "mlflow"},
)
def hyper_parameters(config: SearchBudgetConfig, workspace: WorkspaceResource) -> dg.MaterializeResult:
    report = hyper_parameters_step.search(workspace.open(), trials=config.trials, minutes=config.minutes)
    return dg.MaterializeResult(metadata=metadata_of(report))


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            candidates.asset_of(strategy),
            deps=[training_examples, hyper_parameters],
            description=f"One two-tower model that fuses by {strategy}: weights, curves, an MLflow run.",
            group_name=GROUP,
            code_version=candidates.CODE_VERSION,
            kinds={"pytorch", "mlflow"},
        )
        for strategy in STRATEGIES
    ],
    can_subset=True,
    pool=TRAINING_POOL,
)
def fusion_candidates(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult]:
    """One step for all strategies, so that it can share out the cores."""
    selected: list[Strategy] = [
        strategy
        for strategy in STRATEGIES
        if dg.AssetKey(candidates.asset_of(strategy)) in context.selected_asset_keys
    ]
    with retried():
        reports = candidates.train_candidates(workspace.open(), selected)
    for strategy, report in zip(selected, reports, strict=True):
        yield dg.MaterializeResult(asset_key=candidates.asset_of(strategy), metadata=metadata_of(report))


@dg.asset(
    code_version=train_ranking.CODE_VERSION,
    group_name=GROUP,
    deps=[fusion_candidates, photo_memory],
    description="How search results are ordered, by kind of query; chosen on queries it did not learn from.",
    pool=TRAINING_POOL,
    kinds={"lightgbm"},
)
def ranking(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(train_ranking.train_ranking(workspace.open())))


@dg.definitions
def training() -> dg.Definitions:
    """Examples, judged photos, candidates, the order of results."""
    return dg.Definitions(
        assets=[training_examples, hyper_parameters, photo_memory, fusion_candidates, ranking]
    )
