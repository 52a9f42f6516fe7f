"""reviews; user_profiles -> ranker -> [challenger]."""

import dagster as dg

from mmsearch_dagster.defs.assets.behaviour import user_profiles
from mmsearch_dagster.defs.metadata import metadata_of
from mmsearch_dagster.defs.resources import TRAINING_POOL, WorkspaceResource
from mmsearch_dagster.pipeline.ingest import reviews as reviews_step
from mmsearch_dagster.pipeline.personalisation import ranker as ranker_step


@dg.asset(
    code_version=reviews_step.CODE_VERSION,
    group_name="ingest",
    deps=[dg.AssetKey("products")],
    description="One row is one review of a known product, the most useful of each product first.",
    kinds={"polars"},
)
def reviews(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(reviews_step.read_reviews(workspace.open())))


@dg.asset(
    code_version=ranker_step.CODE_VERSION,
    group_name="training",
    deps=[user_profiles, reviews, dg.AssetKey("searches"), dg.AssetKey("interactions")],
    description=(
        "One row is one person the release knows. With them the ranker, the lists it was compared with, "
        "and the decision whether known people get another order than strangers."
    ),
    kinds={"numpy", "mlflow"},
    pool=TRAINING_POOL,
)
def ranker(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(ranker_step.train_ranker(workspace.open())))


@dg.definitions
def people() -> dg.Definitions:
    """What the log says about people."""
    return dg.Definitions(assets=[reviews, ranker])
