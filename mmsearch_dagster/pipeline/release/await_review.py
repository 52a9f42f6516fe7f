"""Whether a release that passed the gate waits for a person."""

from mmsearch_dagster.adapters.registry.verdict import PENDING
from mmsearch_dagster.pipeline.release.reviews import Reviews
from mmsearch_dagster.pipeline.workspace import Workspace


def waits_for_review(workspace: Workspace, version: int) -> bool:
    """Whether the policy lets this version wait for a person; notes on it that it does."""
    if workspace.gate_policy.promotion == "auto":
        Reviews(workspace.registry).waive(version)
        return False
    return Reviews(workspace.registry).request(version).state == PENDING
