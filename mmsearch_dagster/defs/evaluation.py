"""What every retriever, strategy and the champion reach on the same queries."""

import dagster as dg

from mmsearch_dagster.defs.metadata import metadata_of
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.defs.training import fusion_candidates, ranking
from mmsearch_dagster.pipeline.evaluation import evaluate

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


@dg.definitions
def evaluation() -> dg.Definitions:
    """The report."""
    return dg.Definitions(assets=[evaluation_report])
