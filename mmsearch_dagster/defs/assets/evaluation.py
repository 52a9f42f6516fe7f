"""What every retriever, strategy and the champion reach on the same queries; what later days are compared
with."""

import dagster as dg

from mmsearch_dagster.defs.assets.training import fusion_candidates, ranking
from mmsearch_dagster.defs.metadata import metadata_of
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.pipeline.evaluation import evaluate
from mmsearch_dagster.pipeline.monitoring import reference

GROUP = "evaluation"


@dg.asset(
    code_version=evaluate.CODE_VERSION,
    group_name=GROUP,
    deps=[fusion_candidates, ranking],
    description="One row is one validation query's figures for one branch; with them the gate's decision.",
    kinds={"polars"},
)
def evaluation_report(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(evaluate.evaluate(workspace.open())))


@dg.asset(
    code_version=reference.CODE_VERSION,
    group_name=GROUP,
    deps=[dg.AssetKey(name) for name in ("products", "interactions", "searches", "training_examples")],
    description="A small seeded sample of what the models are trained on; a release names its own.",
    kinds={"polars"},
)
def drift_reference(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(reference.make_reference(workspace.open())))


@dg.definitions
def evaluation() -> dg.Definitions:
    """The report, and the sample that drift is measured from."""
    return dg.Definitions(assets=[evaluation_report, drift_reference])
