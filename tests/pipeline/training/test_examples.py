"""The catalogue as training, the evaluation and the index read it."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.core.catalog.schemas import PRODUCTS
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.pipeline.features.index_rows import index_rows
from mmsearch_dagster.pipeline.training.examples import item_views
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests import shops

LOOKS = {"b": [[1.0, 2.0], [3.0, 6.0]], "c": [[5.0, 5.0]]}
WORDS = {"c": [[9.0]], "b": [[8.0]], "a": [[7.0]]}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    source = shops.bare_shop(tmp_path / "shop", [{"product_id": "a", "title": "red mug"}])
    place = Workspace(Settings(tmp_path / "home", source), shops.REVIEWED)
    products = pl.DataFrame([{"product_id": key, "title": f"mug {key}"} for key in "abc"], schema=PRODUCTS)
    place.lake.obtain_table("products", "p", lambda: (products, {}))
    return place


def catalogue(workspace: Workspace) -> pl.DataFrame:
    return workspace.lake.current("products").table()


def features(workspace: Workspace, **vectors: dict[str, list[list[float]]]) -> dict[str, Any]:
    """A snapshot per modality, with a row per vector as the encoding step writes them."""
    found = {}
    for name, by_product in vectors.items():
        rows = [{"product_id": key, "vector": one} for key, many in by_product.items() for one in many]
        width = len(rows[0]["vector"])
        table = pl.DataFrame(rows, {"product_id": pl.String, "vector": pl.Array(pl.Float32, width)})
        found[name], _ = workspace.lake.obtain_table(f"{name}_features", "x", lambda t=table: (t, {}))
    return found


def test_every_picture_is_a_row_in_the_order_of_products_and_of_their_pictures(workspace: Workspace) -> None:
    views = item_views(catalogue(workspace), features(workspace, image=LOOKS, text=WORDS))

    assert views.ids == ("a", "b", "b", "c")
    assert views.vectors[IMAGE].tolist() == [[0, 0], [1, 2], [3, 6], [5, 5]]
    assert views.present[IMAGE].tolist() == [False, True, True, True]
    assert views.vectors[TEXT].tolist() == [[7], [8], [8], [9]]
    assert views.present[TEXT].all()


def test_a_shop_of_one_picture_each_has_a_row_per_product(workspace: Workspace) -> None:
    single = {key: many[:1] for key, many in LOOKS.items()}
    views = item_views(catalogue(workspace), features(workspace, image=single, text=WORDS))
    assert views.ids == ("a", "b", "c")
    assert views.merged() is views


@pytest.mark.parametrize("exact_rows", [1, 100])
def test_the_index_holds_one_row_per_product_with_all_its_pictures(
    workspace: Workspace, exact_rows: int, tmp_path: Path
) -> None:
    views = item_views(catalogue(workspace), features(workspace, image=LOOKS, text=WORDS))
    fused = np.eye(4, dtype=np.float32)
    fused[0] = 0  # nothing is known of the first

    rows = index_rows(catalogue(workspace), views, fused)
    index = SearchIndex(str(tmp_path / "index"), exact_rows=exact_rows)
    pin = index.publish("shop", "r", rows)
    table = index.open("shop", "r")

    photo = np.array([1.0, 2.0], np.float32)
    assert pin.rows == 3
    assert [hit.product_id for hit in table.nearest(photo, 9, column="image_vector")] == ["b", "c"]
    assert table.vectors(["b"])[1].tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]
    assert table.vectors(["a"])[0] == []
    assert table.matrix("text_vector")[1].tolist() == [[7], [8], [9]]
