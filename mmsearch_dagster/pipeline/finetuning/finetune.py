"""The image encoder of this run: the configured one, or that one fine-tuned on the shop's judged photos."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Facts
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.core.finetuning.params import FinetuneParams
from mmsearch_dagster.core.modalities import IMAGE
from mmsearch_dagster.pipeline.finetuning.finetuning_run import epochs_chart, finetuning_run
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import IMAGE_ENCODER, Workspace, media_file

if TYPE_CHECKING:
    from mmsearch_dagster.core.encoders.protocol import Content, EncoderSpec
    from mmsearch_dagster.core.finetuning.augmentation import Photo

MODEL = "model"
CURVE = "curve.json"
PICTURE = "curve.png"
# Raised when the loop's code changes what the same parameters give.
CODE_VERSION = "1"
_LINES = {"accuracy": "accuracy on augmented photos", "held_out": "held-out photos"}
_BEST = 3  # the grade of "this is the product in the photo"


class FinetuneFacts(Facts):
    """What is stored with a fine-tuned encoder. rows: training pictures. held_out: accuracy on the others."""

    products: int
    unreadable: int
    last_accuracy: float
    held_out: float | None
    mlflow_run: str | None


@dataclass(frozen=True)
class _Labelled:
    """One picture that shows one product. name: where it stands, for a person."""

    product: str
    name: str
    content: "Content"


def tune_image_encoder(workspace: Workspace) -> StepReport:
    """Without `finetune` nothing is done. The same photos, encoder and params are never trained twice."""
    params = workspace.finetune
    if params is None:
        return StepReport(IMAGE_ENCODER, made=False, note="the configured encoder is used as it is")
    from mmsearch_dagster.adapters.models.finetune import publish, require_tunable, tuned_spec

    with timed(IMAGE_ENCODER) as report:
        spec = require_tunable(workspace.preset.encoder(IMAGE))
        photos, catalogue_images = _judged_photos(workspace), _catalogue_images(workspace)
        catalogue_images = [
            image for image in catalogue_images if image.product in {photo.product for photo in photos}
        ]
        facts = {
            "code": CODE_VERSION,
            "encoder": workspace.identity(spec).fingerprint,
            "params": params.model_dump(),
            "photos": [(photo.product, photo.content.key) for photo in photos],
            "own": [(image.product, image.content.key) for image in catalogue_images],
        }
        digest = digest_of(facts)

        def make(folder: Path) -> dict[str, Any]:
            return _tune(workspace, spec, (photos, catalogue_images), digest, folder).model_dump()

        snapshot, made = workspace.lake.obtain(IMAGE_ENCODER, digest, make)
        published = publish(snapshot.folder / MODEL, workspace.paths.encoder_cache, digest)
        report.about(snapshot, made)
        report.metrics["encoder"] = workspace.identity(tuned_spec(spec, published)).fingerprint
        report.tables["epochs"] = pl.DataFrame(json.loads((snapshot.folder / CURVE).read_text()))
        report.images["accuracy"] = (snapshot.folder / PICTURE).read_bytes()
    return report


def _judged_photos(workspace: Workspace) -> list[_Labelled]:
    """Training photos that show exactly one product and come without words or voice."""
    from mmsearch_dagster.adapters.feature_store.feature_store import file_content

    queries = workspace.lake.current("queries").table()
    shown = queries.filter(
        (pl.col(col.SPLIT) == "train")
        & (pl.col(col.GRADE) == _BEST)
        & pl.col(col.IMAGE).is_not_null()
        & pl.col(col.QUERY_TEXT).is_null()
        & pl.col(col.AUDIO).is_null()
        & (pl.len().over(col.QUERY_ID) == 1)
    )
    return [
        _Labelled(product, uri, file_content(media_file(workspace, uri), uri))
        for _, product, uri in shown.select(col.QUERY_ID, col.PRODUCT_ID, col.IMAGE)
        .sort(col.QUERY_ID)
        .iter_rows()
    ]


def _catalogue_images(workspace: Workspace) -> list[_Labelled]:
    from mmsearch_dagster.adapters.feature_store.feature_store import file_content

    products = workspace.lake.current("products").table().select(col.PRODUCT_ID, col.IMAGE_URIS)
    return [
        _Labelled(product, uri, file_content(media_file(workspace, uri), uri))
        for product, uris in products.sort(col.PRODUCT_ID).iter_rows()
        for uri in uris or []
    ]


def _tune(
    workspace: Workspace,
    spec: "EncoderSpec",
    images: tuple[list[_Labelled], list[_Labelled]],
    digest: str,
    folder: Path,
) -> FinetuneFacts:
    from mmsearch_dagster.adapters.models.finetune import tune

    params = workspace.finetune
    assert params is not None
    photos, catalogue_images = (_readable(part) for part in images)
    train, held_out = _parted(photos, catalogue_images, params)
    workspace.progress.start(IMAGE_ENCODER, len(train) * params.epochs)
    checkpoint = workspace.paths.encoder_cache / f"{digest}.checkpoint"
    data = ("judged photos", len(train))
    with finetuning_run(workspace, IMAGE_ENCODER, digest, params, data=data) as (log, watch):
        curve = tune(spec, train, held_out, params, folder / MODEL, watch=watch, checkpoint=checkpoint)
        (folder / PICTURE).write_bytes(epochs_chart(curve, _LINES, "Fine-tuning the image encoder"))
        log.figure("accuracy", (folder / PICTURE).read_bytes())
        run_id = log.run_id
    (folder / CURVE).write_text(json.dumps([asdict(epoch) for epoch in curve]), encoding="utf-8")
    return FinetuneFacts(
        rows=len(train),
        products=1 + max(photo.label for photo in train),
        unreadable=sum(map(len, images)) - len(photos) - len(catalogue_images),
        last_accuracy=round(curve[-1].accuracy, 4),
        held_out=curve[-1].held_out,
        mlflow_run=run_id,
    )


def _readable(images: Sequence[_Labelled]) -> list[_Labelled]:
    """Those whose pixels can be read; the encoder reports the others."""
    from mmsearch_dagster.core.finetuning.augmentation import readable

    return [
        picture
        for picture, fine in zip(images, readable([p.content.read for p in images]), strict=True)
        if fine
    ]


def _parted(
    photos: Sequence[_Labelled], catalogue_images: Sequence[_Labelled], params: FinetuneParams
) -> "tuple[list[Photo], list[Photo]]":
    """Photos to train on, the products' own pictures among them, and those held out.

    The last photos of each product are held out: neighbours were taken at the same shelf.
    Raises UserError when there are not two products to tell apart.
    """
    from mmsearch_dagster.core.finetuning.augmentation import Photo

    by_product: dict[str, list[_Labelled]] = {}
    for photo in photos:
        by_product.setdefault(photo.product, []).append(photo)
    if len(by_product) < 2:
        raise UserError(
            f"fine-tuning needs judged training photos (split train, grade 3, a picture and no words) of at "
            f"least two products; there are {len(photos)} of {len(by_product)}: add some, or leave it out"
        )
    label = {product: number for number, product in enumerate(sorted(by_product))}
    last = {product: int(len(some) * params.held_out) for product, some in by_product.items()}
    apart = {id(photo) for product, some in by_product.items() for photo in some[len(some) - last[product] :]}

    def as_photo(picture: _Labelled) -> Photo:
        return Photo(label[picture.product], picture.content.read)

    train = [as_photo(photo) for photo in photos if id(photo) not in apart]
    shown = [as_photo(image) for image in catalogue_images if image.product in label]
    held_out = [as_photo(photo) for photo in photos if id(photo) in apart]
    return train + shown * params.own_pictures, held_out
