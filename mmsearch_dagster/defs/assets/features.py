"""The assets `image_encoder` and `*_features`, one per modality."""

import dagster as dg

from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, VIDEO
from mmsearch_dagster.defs.assets.ingest import VALIDATED_KEYS
from mmsearch_dagster.defs.metadata import metadata_of
from mmsearch_dagster.defs.resources import TRAINING_POOL, WorkspaceResource
from mmsearch_dagster.pipeline.features import encode as steps
from mmsearch_dagster.pipeline.finetuning import finetune
from mmsearch_dagster.pipeline.finetuning import text_encoder as text_encoder_step
from mmsearch_dagster.pipeline.ingest.remote_media import ASSET as REMOTE_MEDIA

GROUP = "features"


@dg.asset(
    code_version=finetune.CODE_VERSION,
    group_name=GROUP,
    deps=[*VALIDATED_KEYS, dg.AssetKey(REMOTE_MEDIA)],
    description="The network that reads pictures in this run: as configured, or fine-tuned on judged photos.",
    kinds={"timm", "mlflow"},
    pool=TRAINING_POOL,
)
def image_encoder(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(finetune.tune_image_encoder(workspace.open())))


@dg.asset(
    code_version=text_encoder_step.CODE_VERSION,
    group_name=GROUP,
    deps=[*VALIDATED_KEYS, dg.AssetKey("searches"), dg.AssetKey("reviews")],
    description="The network that reads words in this run: as configured, or fine-tuned on judged and logged "
    "queries.",
    kinds={"transformers", "mlflow"},
    pool=TRAINING_POOL,
)
def text_encoder(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(text_encoder_step.tune_text_encoder(workspace.open())))


_TUNED = {IMAGE: [image_encoder], VIDEO: [image_encoder], TEXT: [text_encoder]}
_ROW = {IMAGE: "One row is the vector of one picture of a product; each of its pictures has one."}


def _feature_asset(modality: str, kind: str) -> dg.AssetsDefinition:
    @dg.asset(
        code_version=steps.CODE_VERSION,
        name=steps.asset_of(modality),
        group_name=GROUP,
        deps=[
            *VALIDATED_KEYS,
            dg.AssetKey(REMOTE_MEDIA),
            *_TUNED.get(modality, []),
        ],
        description=_ROW.get(
            modality, f"One row is one product's {modality} vector; not every product has one."
        ),
        kinds={kind},
    )
    def encode(workspace: WorkspaceResource) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=metadata_of(steps.encode_catalogue(workspace.open(), modality)))

    return encode


FEATURE_ASSETS = {
    TEXT: _feature_asset(TEXT, "transformers"),
    IMAGE: _feature_asset(IMAGE, "timm"),
    AUDIO: _feature_asset(AUDIO, "librosa"),
    VIDEO: _feature_asset(VIDEO, "timm"),
}


@dg.definitions
def features() -> dg.Definitions:
    """Vectors of the catalogue."""
    return dg.Definitions(assets=[image_encoder, text_encoder, *FEATURE_ASSETS.values()])
