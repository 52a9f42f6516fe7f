"""remote_media: copies of what lies at addresses; media_quarantine: what could not be read."""

import dagster as dg

from mmsearch_dagster.core.media.media_limits import FILES
from mmsearch_dagster.defs.assets.features import FEATURE_ASSETS, GROUP
from mmsearch_dagster.defs.assets.ingest import VALIDATED_KEYS
from mmsearch_dagster.defs.metadata import check_results, metadata_of
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.defs.retries import retried
from mmsearch_dagster.pipeline.features import media_quarantine as quarantine_step
from mmsearch_dagster.pipeline.ingest import remote_media as fetching


@dg.asset(
    code_version=fetching.CODE_VERSION,
    group_name="ingest",
    deps=[*VALIDATED_KEYS, dg.AssetKey("searches")],
    description="One row is one address of a picture, sound or video: fetched, unchanged, kept or missing.",
    kinds={"http"},
)
def remote_media(workspace: WorkspaceResource) -> dg.MaterializeResult:
    with retried():
        return dg.MaterializeResult(metadata=metadata_of(fetching.fetch_media(workspace.open())))


@dg.asset(
    code_version=quarantine_step.CODE_VERSION,
    group_name=GROUP,
    deps=[
        dg.AssetKey("products"),
        remote_media,
        *(FEATURE_ASSETS[modality] for modality in FILES),
    ],
    description="One row is one picture, sound or video that could not be read, with its reason.",
    check_specs=[
        dg.AssetCheckSpec(
            quarantine_step.check_name(modality),
            asset=quarantine_step.ASSET,
            description=f"The share of unreadable {files} keeps assets/policies/media.yaml.",
        )
        for modality, files in FILES.items()
    ],
    kinds={"polars"},
)
def media_quarantine(workspace: WorkspaceResource) -> dg.MaterializeResult:
    report, checks = quarantine_step.quarantine_media(workspace.open())
    return dg.MaterializeResult(metadata=metadata_of(report), check_results=check_results(checks))


@dg.definitions
def media() -> dg.Definitions:
    """What is fetched, and what of all media could not be read."""
    return dg.Definitions(assets=[remote_media, media_quarantine])
