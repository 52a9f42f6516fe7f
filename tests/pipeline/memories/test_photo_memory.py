"""The photo memory of a small shop, from its judged photos to what a release takes."""

import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from mmsearch_dagster.adapters.lake.batches import load_queries
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.labels.provenance import JUDGED
from mmsearch_dagster.core.memories.photo_memory import MEMORY_FILE, PhotoMemory
from mmsearch_dagster.core.modalities import IMAGE
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.pipeline.memories.photo_memory import (
    ASSET,
    CHOOSING_FILE,
    MEASURED_FILE,
    MeasuredPhotos,
    PhotoMemoryFacts,
    learn_photos,
    released_by,
)
from mmsearch_dagster.pipeline.run import prepare
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.queries import DEV, VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.shops import REVIEWED, bare_shop
from tests.tiny_networks import tiny_folder

pytestmark = pytest.mark.slow

PRODUCTS, PHOTOS, UNSEEN = 10, 8, 2
WEIGHED = RetrievalParams(weights={"picture": {"vector": 0.0, "photo_memory": 1.0}})


def drawn(hue: int, seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(-12, 12, (40, 40, 3))
    colour = np.array(Image.new("HSV", (1, 1), (hue, 200, 200)).convert("RGB"))[0, 0].astype(np.int64)
    out = BytesIO()
    Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def made(folder: Path, *, photos: int, preset: dict[str, object]) -> Workspace:
    """Prepared: products whose pictures are all of one colour, judged photos of a colour for each."""
    shop = folder / "shop"
    shop.mkdir()
    products, judgments = [], []
    for number in range(PRODUCTS):
        (shop / f"own{number}.png").write_bytes(drawn(0, number))
        products.append(
            {"product_id": f"P{number}", "title": f"cup {number}", "image_uris": f"own{number}.png"}
        )
        for photo in range(photos + UNSEEN):
            name = f"photo{number}-{photo}.png"
            (shop / name).write_bytes(drawn(25 * number, 1000 + 50 * number + photo))
            split = "train" if photo < photos else "validation"
            judgments.append(
                {"query_id": name, "image": name, "product_id": f"P{number}", "grade": 3, "split": split}
            )
    (shop / "broken.png").write_bytes(drawn(0, 5)[:90])
    judgments.append(judgments[0] | {"query_id": "broken", "image": "broken.png"})
    # Judged to show two products.
    judgments.append(judgments[0] | {"query_id": "other product", "product_id": "P9"})
    assets = folder / "assets"
    shutil.copytree(REVIEWED, assets)
    (assets / "presets" / "run.yaml").write_text(yaml.safe_dump(preset), encoding="utf-8")
    workspace = Workspace(Settings(folder / "home", bare_shop(shop, products, judgments)), assets)
    prepare(workspace)
    return workspace


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    network = tiny_folder(tmp_path_factory.mktemp("tiny"))
    return {"encoders": [{"modality": "image", "library": "timm", "model": str(network)}]}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, preset: dict[str, object]) -> Workspace:
    return made(tmp_path_factory.mktemp("photos"), photos=PHOTOS, preset=preset)


@pytest.fixture
def snapshot(workspace: Workspace) -> Snapshot:
    return workspace.lake.current(ASSET)


def test_photos_unlike_those_fitted_on_find_their_product_better_than_pictures(snapshot: Snapshot) -> None:
    facts = PhotoMemoryFacts.of(snapshot)
    assert facts.pin is not None
    assert facts.memory is not None
    assert facts.picture is not None
    assert facts.memory > facts.picture + 0.3


def test_validation_photos_find_their_product_in_a_memory_that_did_not_see_them(
    workspace: Workspace, snapshot: Snapshot
) -> None:
    photos = MeasuredPhotos.of(snapshot, snapshot)
    assert photos is not None
    folder = workspace.lake.current(examples.ASSET).folder
    queries = load_queries(folder, VALIDATION).of_provenance(JUDGED)
    base = queries.batch.vectors[IMAGE]
    closer = np.stack([photos.closer[key] for key in queries.batch.ids])
    first = [hits[0][0] for hits in photos.memory.nearest(np.stack([base, closer]), 1)]
    right = [product in queries.grades[key] for product, key in zip(first, queries.batch.ids, strict=True)]
    assert np.mean(right) > 0.8


def test_each_memory_knows_all_photos_but_those_that_are_searched_with_it(
    workspace: Workspace, snapshot: Snapshot
) -> None:
    choosing, measured, released = (
        PhotoMemory.from_bytes((snapshot.folder / name).read_bytes())
        for name in (CHOOSING_FILE, MEASURED_FILE, MEMORY_FILE)
    )
    folder = workspace.lake.current(examples.ASSET).folder
    dev = len(load_queries(folder, DEV).of_provenance(JUDGED).batch)
    # Without the photo of two products.
    assert released.photos.sum() == PRODUCTS * (PHOTOS + UNSEEN) - 1
    assert measured.photos.sum() == PRODUCTS * PHOTOS - 1
    # Of the dev queries one may show that photo, and one is broken.
    assert dev - 2 <= measured.photos.sum() - choosing.photos.sum() <= dev
    assert dev > 2
    assert set(measured.ids) == set(released.ids) == {f"P{number}" for number in range(PRODUCTS)}


def test_a_release_takes_the_file_that_its_pin_names(snapshot: Snapshot) -> None:
    photos = released_by(snapshot, WEIGHED)
    assert photos.pin is not None
    assert photos.file is not None
    assert sha256_bytes(Path(photos.file).read_bytes()) == photos.pin.sha256


def test_a_release_whose_blend_gives_it_no_weight_takes_none(snapshot: Snapshot) -> None:
    assert released_by(snapshot, RetrievalParams()).pin is None


def test_the_same_examples_are_never_fitted_twice(workspace: Workspace, snapshot: Snapshot) -> None:
    report = learn_photos(workspace)
    assert not report.made
    assert report.digest == snapshot.digest


def test_a_shop_with_few_judged_photos_gets_none_and_is_told_why(
    tmp_path: Path, preset: dict[str, object]
) -> None:
    snapshot = made(tmp_path, photos=1, preset=preset).lake.current(ASSET)
    facts = PhotoMemoryFacts.of(snapshot)
    assert facts.pin is None
    assert "2 judged training photos of each of 10 products" in facts.note
    assert MeasuredPhotos.of(snapshot, snapshot) is None


def test_a_report_says_when_the_encoder_was_fine_tuned_on_the_very_photos(
    tmp_path: Path, preset: dict[str, object], snapshot: Snapshot
) -> None:
    recipe = {"epochs": 1, "batch": 16, "sizes": [32], "encode_size": 32, "stages": 1}
    tuned = made(tmp_path, photos=PHOTOS, preset={**preset, "finetune": recipe}).lake.current(ASSET)
    assert "fine-tuned on these photos" in PhotoMemoryFacts.of(tuned).note
    assert "fine-tuned" not in PhotoMemoryFacts.of(snapshot).note
