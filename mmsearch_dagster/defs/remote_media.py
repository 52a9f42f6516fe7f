"""remote_media: copies of what lies at addresses."""

import dagster as dg

from mmsearch_dagster.defs.ingest import VALIDATED_KEYS
from mmsearch_dagster.defs.metadata import metadata_of
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.pipeline.ingest import remote_media as step


@dg.asset(
    code_version=step.CODE_VERSION,
    group_name="ingest",
    deps=[*VALIDATED_KEYS, dg.AssetKey("searches")],
    description="One row is one address of a picture, sound or video: fetched, unchanged, kept or missing.",
    kinds={"http"},
)
def remote_media(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(step.fetch_media(workspace.open())))


@dg.definitions
def remote() -> dg.Definitions:
    """What is fetched."""
    return dg.Definitions(assets=[remote_media])
