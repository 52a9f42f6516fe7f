"""The gate's last word on a candidate: what its index and the time of a search say, beside its quality."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.gate.serving import with_serving
from mmsearch_dagster.pipeline.release.measure_serving import measure_serving
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.index.golden_checks import IndexCheck


def decide_serving(workspace: Workspace, version: int, checks: "Sequence[IndexCheck]") -> Decision | None:
    """Measures a version whose index is attached, and stores what follows with it.

    Args:
        workspace: the home.
        version: of the candidate. The released one is not held against itself: its decision stays.
        checks: of its index; all passed.

    Returns:
        The stored decision; None where none is stored.
    """
    registry = workspace.registry
    manifest, champion, decision = registry.manifest(version), registry.champion(), registry.decision(version)
    if decision is None or (champion is not None and champion.model_version == version):
        return decision
    figures = measure_serving(workspace, manifest, champion, checks)
    whole = with_serving(decision, figures, workspace.gate_policy)
    registry.store_decision(version, whole)
    folder = f"review/{manifest.release_id}"
    registry.attach_files(version, folder, {"serving_figures.json": figures.model_dump_json(indent=1)})
    if not whole.passed:
        registry.record_refusal(version)
    return whole
