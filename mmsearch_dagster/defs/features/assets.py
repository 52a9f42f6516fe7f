"""One asset per modality."""

import dagster as dg

from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.defs.features import steps
from mmsearch_dagster.defs.resources import WorkspaceResource

GROUP = "features"


def _feature_asset(modality: str, kind: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=steps.asset_of(modality),
        group_name=GROUP,
        deps=[dg.AssetKey("products")],
        description=f"One row is one product's {modality} vector; a product without {modality} has no row.",
        kinds={kind},
    )
    def encode(workspace: WorkspaceResource) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=steps.encode_catalogue(workspace.open(), modality).metadata())

    return encode


FEATURE_ASSETS = {TEXT: _feature_asset(TEXT, "transformers"), IMAGE: _feature_asset(IMAGE, "timm")}


@dg.definitions
def features() -> dg.Definitions:
    """Vectors of the catalogue."""
    return dg.Definitions(assets=list(FEATURE_ASSETS.values()))
