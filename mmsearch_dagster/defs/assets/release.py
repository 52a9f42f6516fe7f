"""catalogue_refresh: the released model over today's catalogue; then, where models are trained,
challenger -> [gate] -> search_index -> [index checks] -> release.

The gate's check hangs on the challenger, not on the report: a refused model is then in the registry too,
with its reasons, where people review versions. The check only stops the ordinary run; what holds in every
run is that `release` reads the stored decision again.
"""

from datetime import timedelta

import dagster as dg

from mmsearch_dagster.defs.assets.evaluation import drift_reference, evaluation_report
from mmsearch_dagster.defs.metadata import check_results, metadata_of
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.defs.retries import retried
from mmsearch_dagster.pipeline.release import challenger as challenger_step
from mmsearch_dagster.pipeline.release import index_version
from mmsearch_dagster.pipeline.release import release as release_step

GROUP = "release"
GATE = "gate"
_INDEX_CHECKS = (
    *("row_parity", "golden_words", "golden_queries", "measured_queries"),
    *("unit_norms", "ann_recall", "golden_vectors"),
)
# A gate may refuse for some nights; a model that nobody could replace for a week is worth a look.
MODEL_FRESHNESS = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=3), fail_window=timedelta(days=8))


@dg.asset(
    code_version=challenger_step.CODE_VERSION,
    group_name=GROUP,
    deps=[evaluation_report, drift_reference, dg.AssetKey("user_profiles"), dg.AssetKey("ranker")],
    description="One model version in MLflow with the gate's decision stored in its tags.",
    check_specs=[
        dg.AssetCheckSpec(
            GATE, asset="challenger", blocking=True, description="The policy in assets/policies/gate.yaml"
        )
    ],
    kinds={"mlflow"},
)
def challenger(workspace: WorkspaceResource) -> dg.MaterializeResult:
    with retried():
        report, decision = challenger_step.register(workspace.open())
    gate = dg.AssetCheckResult(
        check_name=GATE,
        passed=decision.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={reason.rule: reason.text for reason in decision.reasons},
        description="; ".join(decision.refusals) or "every rule holds",
    )
    return dg.MaterializeResult(metadata=metadata_of(report), check_results=[gate])


@dg.asset(
    code_version=index_version.CODE_VERSION,
    group_name=GROUP,
    deps=[challenger],
    description="One row is one product with its vectors, words and payload, in an unserved table version.",
    check_specs=[dg.AssetCheckSpec(name, asset="search_index", blocking=True) for name in _INDEX_CHECKS],
    kinds={"lancedb"},
)
def search_index(workspace: WorkspaceResource) -> dg.MaterializeResult:
    with retried():
        report, outcomes = index_version.build_index(workspace.open())
    return dg.MaterializeResult(metadata=metadata_of(report), check_results=check_results(outcomes))


@dg.asset(
    code_version=release_step.CODE_VERSION,
    group_name=GROUP,
    deps=[search_index],
    description="The pointer: which model version and index version answer from now on.",
    freshness_policy=MODEL_FRESHNESS,
    kinds={"mlflow", "lancedb"},
)
def release(workspace: WorkspaceResource) -> dg.MaterializeResult:
    with retried():
        return dg.MaterializeResult(metadata=metadata_of(release_step.release(workspace.open())))


@dg.definitions
def releases() -> dg.Definitions:
    """From a model version to the pointer."""
    return dg.Definitions(assets=[challenger, search_index, release])
