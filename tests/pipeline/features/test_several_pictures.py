"""A product with several pictures: each of them is a row, in the order that the shop gives."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.core.catalog.schemas import PRODUCTS
from mmsearch_dagster.core.modalities import IMAGE
from mmsearch_dagster.pipeline.features import encode
from mmsearch_dagster.pipeline.features.encode import FAILURES, FeatureFacts, encode_catalogue
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests import shops
from tests.fakes.encoders import BROKEN, FakeEncoder

CONTENT = {"front.png": b"front", "back.png": b"back", "torn.png": BROKEN, "mug.png": b"mug"}
PICTURES = {"shoe": ["front.png", "torn.png", "back.png", "gone.png"], "mug": ["mug.png"], "words": []}


@pytest.fixture
def encoder() -> FakeEncoder:
    return FakeEncoder(IMAGE)


@pytest.fixture
def workspace(tmp_path: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    source = shops.bare_shop(tmp_path / "shop", [{"product_id": "shoe", "title": "red shoe"}])
    for name, content in CONTENT.items():
        (source.parent / name).write_bytes(content)
    made = Workspace(Settings(tmp_path / "home", source), shops.REVIEWED)
    rows = [{"product_id": key, "title": key, "image_uris": uris} for key, uris in PICTURES.items()]
    made.lake.obtain_table("products", "p", lambda: (pl.DataFrame(rows, schema=PRODUCTS), {}))
    monkeypatch.setattr(made, "identity", lambda spec: encoder.identity)
    monkeypatch.setattr(made, "loader", lambda spec: lambda: encoder)
    monkeypatch.setattr(encode, "_sheet", lambda contents: b"no picture of these bytes")
    return made


def test_every_readable_picture_is_a_row_of_its_product_in_the_shops_order(
    workspace: Workspace, encoder: FakeEncoder
) -> None:
    report = encode_catalogue(workspace, IMAGE)

    snapshot = workspace.lake.current("image_features")
    table = snapshot.table()
    assert table["product_id"].to_list() == ["mug", "shoe", "shoe"]
    expected = [encoder.vector(content) for content in (b"mug", b"front", b"back")]
    assert np.array_equal(table["vector"].to_numpy(), np.stack(expected))
    failures = pl.read_parquet(snapshot.folder / FAILURES)
    assert failures["uri"].to_list() == ["torn.png", "gone.png"]
    assert report.rows == 3
    stored = FeatureFacts.of(snapshot)
    assert (stored.rows, stored.left_out, stored.encoder) == (3, 2, encoder.identity.fingerprint)


def test_the_same_picture_of_two_products_is_encoded_once_and_is_a_row_of_both(
    workspace: Workspace, encoder: FakeEncoder
) -> None:
    (workspace.source.root / "mug.png").write_bytes(b"front")

    encode_catalogue(workspace, IMAGE)

    table = workspace.lake.current("image_features").table()
    assert table["product_id"].to_list() == ["mug", "shoe", "shoe"]
    assert table["vector"][0].to_list() == table["vector"][1].to_list()
    assert len(encoder.encoded) == len(set(encoder.encoded)) == 3
