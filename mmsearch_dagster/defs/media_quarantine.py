"""The quarantine of media: files that no encoder could read."""

import dagster as dg

from mmsearch_dagster.core.catalog.media_limits import FILES
from mmsearch_dagster.defs.features import FEATURE_ASSETS, GROUP
from mmsearch_dagster.defs.metadata import check_results, metadata_of
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.pipeline.features import media_quarantine as quarantine_step
from mmsearch_dagster.pipeline.ingest.remote_media import ASSET as REMOTE_MEDIA


@dg.asset(
    code_version=quarantine_step.CODE_VERSION,
    group_name=GROUP,
    deps=[
        dg.AssetKey("products"),
        dg.AssetKey(REMOTE_MEDIA),
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
def quarantine() -> dg.Definitions:
    """The quarantine."""
    return dg.Definitions(assets=[media_quarantine])
