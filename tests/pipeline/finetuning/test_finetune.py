"""Which network reads a run's pictures, and that it is tuned once for the same photos."""

import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.pipeline.features.encode import encode_catalogue
from mmsearch_dagster.pipeline.finetuning.finetune import tune_image_encoder
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.shops import REVIEWED, bare_shop
from tests.tiny_networks import coloured, tiny_folder

pytestmark = pytest.mark.slow

PHOTOS = 4
FINETUNE = {"epochs": 2, "batch": 4, "sizes": [32], "encode_size": 32, "stages": 2, "held_out": 0.25}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three products with a picture each, four photos of each, one more that is broken."""
    folder = tmp_path_factory.mktemp("shop")
    products, judgments = [], []
    for product in range(3):
        (folder / f"own{product}.png").write_bytes(coloured(product, product))
        products.append(
            {"product_id": f"P{product}", "title": f"cup {product}", "image_uris": f"own{product}.png"}
        )
        for photo in range(PHOTOS):
            name = f"photo{product}{photo}.png"
            (folder / name).write_bytes(coloured(product, 100 + 10 * product + photo))
            judgments.append(_judged(name, f"P{product}"))
    (folder / "broken.png").write_bytes(coloured(0, 5)[:90])
    (folder / "unused.png").write_bytes(coloured(0, 6))
    judgments += [_judged("broken.png", "P0"), _judged("unused.png", "P1", split="validation")]
    return bare_shop(folder, products, judgments)


def _judged(image: str, product: str, split: str = "train") -> dict[str, object]:
    return {"query_id": image, "image": image, "product_id": product, "grade": 3, "split": split}


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reviewed") / "assets"
    shutil.copytree(REVIEWED, folder)
    network = tiny_folder(folder.parent / "tiny")
    preset = {
        "encoders": [{"modality": "image", "library": "timm", "model": str(network)}],
        "finetune": FINETUNE,
    }
    (folder / "presets" / "run.yaml").write_text(yaml.safe_dump(preset), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tuned(shop: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = _ingested(Workspace(Settings(tmp_path_factory.mktemp("home"), shop), assets))
    tune_image_encoder(workspace)
    return workspace


def _ingested(workspace: Workspace) -> Workspace:
    """The tables as ingest leaves them, without waiting for its checks."""
    root = workspace.source.root
    products = pl.read_csv(root / "products.csv")
    if col.IMAGE_URIS in products.columns:
        products = products.with_columns(pl.concat_list(col.IMAGE_URIS))
    judged = root / "judgments.csv"
    queries = pl.read_csv(judged) if judged.exists() else pl.DataFrame()
    for asset, frame, schema in (
        ("products", products, schemas.PRODUCTS),
        ("queries", queries, schemas.JUDGMENTS),
    ):
        whole = pl.concat([pl.DataFrame(schema=schema), frame], how="diagonal_relaxed")
        workspace.lake.obtain_table(asset, asset, lambda whole=whole: (whole, {}))
    return workspace


def test_photos_of_the_training_split_and_own_pictures_are_what_it_learns_from(tuned: Workspace) -> None:
    facts = tuned.lake.current("image_encoder").facts

    assert facts["products"] == 3
    assert facts["rows"] == 3 * (PHOTOS - 1) + 3 * 2  # the last photo is held out; own pictures come twice
    assert facts["unreadable"] == 1


def test_what_follows_takes_the_tuned_encoder(tuned: Workspace) -> None:
    configured, used = tuned.preset.encoder(IMAGE), tuned.encoder(IMAGE)
    assert configured is not None
    assert used is not None
    assert tuned.identity(used).fingerprint != tuned.identity(configured).fingerprint

    report = encode_catalogue(tuned, IMAGE)

    assert report.metrics["encoder"] == tuned.identity(used).fingerprint
    assert report.rows == 3
    assert tuned.encoder(TEXT) is None


def test_the_same_photos_are_never_trained_on_twice(
    tuned: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmsearch_dagster.adapters.models import finetune

    monkeypatch.setattr(finetune, "tune", None)
    report = tune_image_encoder(Workspace(tuned.settings, tuned.assets))
    assert not report.made


def test_its_training_is_an_mlflow_run(tuned: Workspace) -> None:
    client = tuned.tracking._store.connect()
    run = client.get_run(tuned.lake.current("image_encoder").facts["mlflow_run"])

    assert run.info.status == "FINISHED"
    assert run.data.params["epochs"] == "2"
    assert {"loss", "accuracy", "held_out"} <= run.data.metrics.keys()
    assert [one.path for one in client.list_artifacts(run.info.run_id, "figures")] == ["figures/accuracy.png"]


def test_without_the_switch_nothing_happens(shop: Path, tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path, shop), REVIEWED)

    report = tune_image_encoder(workspace)

    assert not report.made
    assert not workspace.paths.lake.exists()
    assert workspace.encoder(IMAGE) == workspace.preset.encoder(IMAGE)


def test_the_option_turns_it_on_where_the_preset_does_not(shop: Path, tmp_path: Path) -> None:
    assert Workspace(Settings(tmp_path, shop), REVIEWED).finetune is None
    assert Workspace(Settings(tmp_path, shop, finetune=True), REVIEWED).finetune is not None


def test_a_shop_without_judged_photos_is_told_what_is_missing(assets: Path, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    bare = bare_shop(tmp_path / "shop", [{"product_id": "A", "title": "cup"}])
    workspace = _ingested(Workspace(Settings(tmp_path / "home", bare), assets))

    with pytest.raises(UserError, match="judged training photos"):
        tune_image_encoder(workspace)
