"""training_examples -> one candidate per strategy."""

import dagster as dg

from mmsearch_dagster.core.fusion.spec import STRATEGIES, Strategy
from mmsearch_dagster.defs.features.assets import FEATURE_ASSETS
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.defs.training import examples_step, steps

GROUP = "training"


@dg.asset(
    group_name=GROUP,
    deps=[
        *FEATURE_ASSETS.values(),
        dg.AssetKey("queries"),
        dg.AssetKey("interactions"),
        dg.AssetKey("collaborative_factors"),
        dg.AssetKey("searches"),
    ],
    description="One row is one query with graded products: judged, logged, or derived from the catalogue.",
    kinds={"polars"},
)
def training_examples(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=examples_step.build_examples(workspace.open()).metadata())


def _candidate_asset(strategy: Strategy) -> dg.AssetsDefinition:
    @dg.asset(
        name=steps.asset_of(strategy),
        group_name=GROUP,
        deps=[training_examples],
        description=f"One two-tower model that fuses by {strategy}: weights, curves, an MLflow run.",
        kinds={"pytorch", "mlflow"},
    )
    def train(workspace: WorkspaceResource) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=steps.train_candidate(workspace.open(), strategy).metadata())

    return train


CANDIDATE_ASSETS = {strategy: _candidate_asset(strategy) for strategy in STRATEGIES}


@dg.definitions
def training() -> dg.Definitions:
    """Examples and candidates."""
    return dg.Definitions(assets=[training_examples, *CANDIDATE_ASSETS.values()])
