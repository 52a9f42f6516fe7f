"""The step `photo_memory`: fitted on judged photos, to choose by, to be measured and to be released."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.lake.lineage import lineage_of
from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.encoders.protocol import Content
from mmsearch_dagster.core.memories.photo_cross_fit import CrossFit, cross_fit
from mmsearch_dagster.core.memories.photo_fit import fit_memory
from mmsearch_dagster.core.memories.photo_memory import MEMORY_FILE, PhotoMemory
from mmsearch_dagster.core.memories.photos import FewestPhotos, LabelledPhotos
from mmsearch_dagster.core.metrics.bootstrap import paired_difference
from mmsearch_dagster.core.modalities import IMAGE, Matrix, assemble
from mmsearch_dagster.core.release import PhotoMemoryPin, RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import PHOTO_MEMORY
from mmsearch_dagster.pipeline.memories.photo_views import QUERY_VIEWS, VIEWS, encode_views, labelled
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.queries import DEV, TEST, TRAIN, VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace

ASSET = "photo_memory"
CODE_VERSION = "2"
# Three memories, each without the photos that are searched with it: CHOOSING_FILE knows those of the training
# and answers the dev photos, which choose the blend; MEASURED_FILE knows the dev photos too and answers the
# validation and test photos; MEMORY_FILE, the released one, knows all but the test's.
CHOOSING_FILE = "choosing.npz"
MEASURED_FILE = "measured.npz"
# The closer look at each judged query with a photo.
CLOSER_LOOKS = "closer"
_SEED = 7
# A photo that is in several is of the last one.
_SPLITS = (TRAIN, DEV, VALIDATION, TEST)
_CERTAIN = 3  # the grade of "this is the product in the photo"
_TUNED_ON_THEM = "; the encoder was fine-tuned on these photos, so new ones will be recognised less often"


class PhotoMemoryFacts(Facts):
    """What later steps read; rows: judged photos that show one product.

    pin: None where there is no memory; note says why. shrinkage: of the space. memory, picture: share of
    photos, unlike those fitted on, whose product is first in the memory, and by the catalogue's own pictures.
    """

    pin: PhotoMemoryPin | None = None
    note: str
    shrinkage: float | None = None
    memory: float | None = None
    picture: float | None = None


def learn_photos(workspace: Workspace, fewest: FewestPhotos = FewestPhotos()) -> StepReport:
    """Fit the photo memory on the judged photos of the current examples, where there are enough."""
    with timed(ASSET) as report:
        source = workspace.lake.current(examples.ASSET)
        facts = {"code": CODE_VERSION, "examples": source.digest, "fewest": [fewest.products, fewest.photos]}
        snapshot, made = workspace.lake.obtain(
            ASSET,
            digest_of(facts),
            lambda folder: _JudgedPhotos.of(workspace, source).write(folder, fewest).model_dump(),
            inputs=[source],
        )
        report.about(snapshot, made)
        stored = PhotoMemoryFacts.of(snapshot)
        report.metrics |= stored.model_dump(
            include={"note", "shrinkage", "memory", "picture"}, exclude_none=True
        )
    return report


@dataclass(frozen=True)
class _Photo:
    """A judged photo. product: None where it shows several, or none for sure."""

    query: str
    content: Content
    product: str | None
    split: str


@dataclass(frozen=True)
class _JudgedPhotos:
    """What the step reads. pictures: content key -> a picture of the catalogue and its product."""

    workspace: Workspace
    photos: tuple[_Photo, ...]
    pictures: Mapping[str, tuple[Content, str]]

    @classmethod
    def of(cls, workspace: Workspace, source: Snapshot) -> "_JudgedPhotos":
        lineage = lineage_of(workspace.lake, [source])
        if IMAGE not in examples.modalities_of(lineage):
            return cls(workspace, (), {})
        split_of = {
            key: split
            for split in _SPLITS
            for key in pl.read_parquet(source.folder / f"{split}.parquet")[col.QUERY_ID].to_list()
        }
        photos = _photos(workspace, lineage["queries"].table(), split_of)
        return cls(workspace, photos, _pictures(workspace, lineage["products"].table()))

    def write(self, folder: Path, fewest: FewestPhotos) -> PhotoMemoryFacts:
        """Fit, compare, store."""
        shown = self._showing_one_product()
        training = _of_splits(shown, TRAIN)
        if not fewest.enough(tuple(training.values())):
            return PhotoMemoryFacts(rows=len(shown), note=_too_few(training, fewest))
        views = self._views([key for key, (_, split) in shown.items() if split != TEST])
        pictures = labelled({key: product for key, (_, product) in self.pictures.items()}, views)
        photos = labelled(training, views)
        fitted = cross_fit(photos, pictures, QUERY_VIEWS)
        facts = PhotoMemoryFacts(
            rows=len(shown),
            note=_worth(fitted, tuned=self.workspace.finetune is not None),
            shrinkage=fitted.shrinkage,
            memory=round(float(fitted.memory.mean()), 4),
            picture=round(float(fitted.picture.mean()), 4),
        )
        if not _pays(fitted):
            return facts
        judged = labelled(_of_splits(shown, TRAIN, DEV), views)
        fit_memory(photos, pictures, fitted.shrinkage).save(folder / CHOOSING_FILE)
        fit_memory(judged, pictures, fitted.shrinkage).save(folder / MEASURED_FILE)
        self._write_closer_looks(folder)
        everything = labelled({key: product for key, (product, _) in shown.items()}, views)
        return facts.model_copy(update={"pin": _released(everything, pictures, fitted, folder)})

    def _showing_one_product(self) -> dict[str, tuple[str, str]]:
        """Content key -> product and split; a photo that is judged to show different products shows none."""
        products: dict[str, set[str]] = {}
        split_of: dict[str, str] = {}
        for photo in sorted(self.photos, key=lambda photo: _SPLITS.index(photo.split)):
            if photo.product is not None:
                products.setdefault(photo.content.key, set()).add(photo.product)
            split_of[photo.content.key] = photo.split
        return {key: (next(iter(of)), split_of[key]) for key, of in products.items() if len(of) == 1}

    def _views(self, photos: list[str]) -> dict[str, Matrix]:
        contents = {photo.content.key: photo.content for photo in self.photos}
        pictures = [content for content, _ in self.pictures.values()]
        wanted = {content.key: content for content in [*(contents[key] for key in photos), *pictures]}
        return encode_views(self.workspace, list(wanted.values()), VIEWS)

    def _write_closer_looks(self, folder: Path) -> None:
        from mmsearch_dagster.adapters.lake.batches import save_batch

        views = encode_views(self.workspace, [photo.content for photo in self.photos], VIEWS[1:QUERY_VIEWS])
        looks = {
            photo.query: views[photo.content.key][0] for photo in self.photos if photo.content.key in views
        }
        widths = {IMAGE: next(iter(looks.values())).shape[0]}
        save_batch(folder, CLOSER_LOOKS, assemble(sorted(looks), {IMAGE: looks}, widths))


def _photos(workspace: Workspace, queries: pl.DataFrame, split_of: Mapping[str, str]) -> tuple[_Photo, ...]:
    """The judged queries with a photo; one with words or a voice beside it shows no sure product."""
    from mmsearch_dagster.adapters.feature_store.feature_store import file_content

    grouped = (
        queries.filter(pl.col(col.IMAGE).is_not_null() & pl.col(col.QUERY_ID).is_in(list(split_of)))
        .group_by(col.QUERY_ID, maintain_order=True)
        .agg(pl.col(col.IMAGE, col.QUERY_TEXT, col.AUDIO).first(), pl.col(col.PRODUCT_ID, col.GRADE))
    )
    photos: list[_Photo] = []
    for row in grouped.sort(col.QUERY_ID).iter_rows(named=True):
        alone = row[col.QUERY_TEXT] is None and row[col.AUDIO] is None
        certain = alone and row[col.GRADE] == [_CERTAIN]
        content = file_content(workspace.source.root / row[col.IMAGE])
        product = row[col.PRODUCT_ID][0] if certain else None
        photos.append(_Photo(row[col.QUERY_ID], content, product, split_of[row[col.QUERY_ID]]))
    return tuple(photos)


def _pictures(workspace: Workspace, products: pl.DataFrame) -> dict[str, tuple[Content, str]]:
    """A picture that several products share is no key to any of them."""
    from mmsearch_dagster.adapters.feature_store.feature_store import file_content

    pictures: dict[str, tuple[Content, str]] = {}
    shared: set[str] = set()
    for product, uris in products.select(col.PRODUCT_ID, col.IMAGE_URIS).iter_rows():
        for uri in uris or []:
            content = file_content(workspace.source.root / uri)
            if pictures.setdefault(content.key, (content, product))[1] != product:
                shared.add(content.key)
    return {key: picture for key, picture in pictures.items() if key not in shared}


def _of_splits(shown: Mapping[str, tuple[str, str]], *splits: str) -> dict[str, str]:
    """Content key -> product, of the photos of some splits."""
    return {key: product for key, (product, split) in shown.items() if split in splits}


def _too_few(training: Mapping[str, str], fewest: FewestPhotos) -> str:
    return (
        f"no photo memory: it takes {fewest.photos} judged training photos of each of {fewest.products} "
        f"products; there are {len(training)} photos of {len(set(training.values()))} products"
    )


def _pays(fitted: CrossFit) -> bool:
    return paired_difference(fitted.memory, fitted.picture, seed=_SEED).low > 0.0


def _worth(fitted: CrossFit, *, tuned: bool) -> str:
    """tuned: whether the encoder was fine-tuned on these photos, and so knows them."""
    gain = paired_difference(fitted.memory, fitted.picture, seed=_SEED)
    return (
        f"{'photo memory' if gain.low > 0.0 else 'no photo memory, as no gain is shown'}: first place for "
        f"{fitted.memory.mean():.3f} of the photos unlike those fitted on, the catalogue's pictures "
        f"{fitted.picture.mean():.3f}, difference {gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
        f"{_TUNED_ON_THEM if tuned else ''}"
    )


def _released(
    photos: LabelledPhotos, pictures: LabelledPhotos, fitted: CrossFit, folder: Path
) -> PhotoMemoryPin:
    sha256 = fit_memory(photos, pictures, fitted.shrinkage).save(folder / MEMORY_FILE)
    return PhotoMemoryPin(
        sha256=sha256,
        photos=len(photos),
        products=len(set(photos.products)),
        shrinkage=fitted.shrinkage,
    )


@dataclass(frozen=True)
class MeasuredPhotos:
    """What an evaluation searches: a memory that did not see its queries.

    closer: query id -> vector of the closer look, float32 [d].
    """

    memory: PhotoMemory
    closer: Mapping[str, Matrix]

    @classmethod
    def of(
        cls, memory: Snapshot | None, looks: Snapshot, name: str = MEASURED_FILE
    ) -> "MeasuredPhotos | None":
        """None where there is no memory.

        Args:
            memory: the snapshot of this asset whose memory is measured.
            looks: the one that the queries of today are looked at in.
            name: CHOOSING_FILE for dev photos, MEASURED_FILE for validation and test photos.
        """
        from mmsearch_dagster.adapters.lake.batches import batch_exists, load_batch

        file = memory.folder / name if memory else None
        if file is None or not file.exists():
            return None
        measured = PhotoMemory.from_bytes(file.read_bytes())
        if not batch_exists(looks.folder, CLOSER_LOOKS):
            return cls(measured, {})
        batch = load_batch(looks.folder, CLOSER_LOOKS)
        return cls(measured, dict(zip(batch.ids, batch.vectors[IMAGE], strict=True)))


@dataclass(frozen=True)
class ReleasedPhotos:
    """What goes into a release. file: of the memory that `pin` names."""

    pin: PhotoMemoryPin | None = None
    file: str | None = None


def released_by(snapshot: Snapshot, retrieval: RetrievalParams) -> ReleasedPhotos:
    """The memory of a release; none where no kind of query gives it a weight.

    Args:
        snapshot: of this asset.
        retrieval: of the release.
    """
    pin = PhotoMemoryFacts.of(snapshot).pin
    if pin is None or not any(weights.get(PHOTO_MEMORY) for weights in retrieval.weights.values()):
        return ReleasedPhotos()
    return ReleasedPhotos(pin, str(snapshot.folder / MEMORY_FILE))
