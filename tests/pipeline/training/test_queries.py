"""Judged queries on their way to the judge: named as the engine names them, and none is lost."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from mmsearch_dagster.adapters.lake.batches import load_queries
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.encoders.protocol import Content
from mmsearch_dagster.core.gate.policy import GatePolicy
from mmsearch_dagster.core.media.images import UnreadableImageError, open_image
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.speech.transcript import Transcript
from mmsearch_dagster.pipeline.training import encode_queries, examples, queries
from mmsearch_dagster.pipeline.training.transcripts import language
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests import shops
from tests.media import sound_file

VECTORS = pl.Array(pl.Float32, 2)
ROWS = [
    {"query_id": "typed", "query_text": "red shoes"},
    {"query_id": "chinese", "query_text": "红色运动鞋"},
    {"query_id": "shown", "image": "photo.png"},
    {"query_id": "said", "audio": "said.wav"},
    {"query_id": "mumbled", "audio": "mumbled.wav"},
    {"query_id": "both", "image": "photo.png", "audio": "said.wav"},
    {"query_id": "half", "image": "photo.png", "audio": "mumbled.wav"},
    {"query_id": "all", "query_text": "red", "image": "photo.png", "audio": "said.wav"},
    {"query_id": "torn", "query_text": "red", "image": "torn.png"},
    {"query_id": "huge", "query_text": "red", "image": "huge.png"},
    {"query_id": "noise", "query_text": "red", "audio": "torn.wav"},
]
SAID = {"said": "red shoes", "both": "red shoes", "all": "shoes"}
PRODUCTS = [{"product_id": key, "title": f"red shoes {key}"} for key in "ab"]


def picture(width: int, height: int) -> bytes:
    file = BytesIO()
    Image.new("1", (width, height)).save(file, "png")
    return file.getvalue()


def write_media(folder: Path) -> None:
    """Files of the queries above: a photo, a torn and a huge one, silence, and a torn recording."""
    quiet = sound_file(np.zeros(16_000, np.float32))
    files = {"said.wav": quiet, "mumbled.wav": quiet, "torn.wav": quiet[:20]}
    files |= {"photo.png": picture(8, 8), "torn.png": picture(8, 8)[:20], "huge.png": picture(40_000, 8)}
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.fixture
def workspace(assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    source = shops.bare_shop(tmp_path / "shop", PRODUCTS)
    write_media(source.parent)
    made = Workspace(Settings(tmp_path / "home", source), assets)
    products = pl.DataFrame(PRODUCTS)
    judged = pl.concat([schemas.JUDGMENTS.to_frame(), pl.DataFrame(ROWS)], how="diagonal").with_columns(
        product_id=pl.lit(products["product_id"][0]), grade=pl.lit(3), split=pl.lit("validation")
    )
    tables = {
        "products": pl.concat([schemas.PRODUCTS.to_frame(), products], how="diagonal"),
        "queries": judged,
        "searches": schemas.SEARCHES.to_frame(),
        "reviews": schemas.REVIEWS.to_frame(),
        "interactions": schemas.EVENTS.to_frame(),
    }
    for name, rows in tables.items():
        made.lake.obtain_table(name, "x", lambda rows=rows: (rows, {}))
    monkeypatch.setattr(
        queries, "transcribe_queries", lambda *_: {key: Transcript(text, 0.7) for key, text in SAID.items()}
    )
    return made


def inputs_of(workspace: Workspace) -> dict[str, Snapshot]:
    names = ("products", "queries", "searches", "interactions", "reviews")
    return {name: workspace.lake.current(name) for name in names}


def all_of(workspace: Workspace) -> dict[str, list[queries.TrainingQuery]]:
    inputs = inputs_of(workspace)
    return queries.all_queries(workspace, inputs, {}, language(inputs)).by_split


def judged_of(workspace: Workspace) -> list[queries.TrainingQuery]:
    return [query for query in all_of(workspace)["validation"] if query.provenance == "judged"]


def test_a_query_is_of_the_kind_that_the_engine_will_name(workspace: Workspace) -> None:
    found = {one.query_id: one for one in judged_of(workspace)}
    assert {key: one.kind for key, one in found.items()} == {
        "typed": "words",
        "chinese": "words[zh]",
        "shown": "picture",
        "said": "voice",
        "mumbled": "voice",
        "both": "voice+picture",
        "half": "picture",
        "all": "words+voice+picture",
        "torn": "words+picture",
        "huge": "words+picture",
        "noise": "words+voice",
    }
    assert (found["all"].text, found["all"].confidence) == ("red shoes", 0.7)
    assert found["all"].text_blend == pytest.approx({"red": 0.3, "red shoes": 0.7})
    assert found["said"].text_blend == {"red shoes": 1.0}
    assert (found["mumbled"].text, found["mumbled"].confidence) == (None, None)


def test_the_vector_of_words_typed_and_heard_leans_to_the_typed_ones_as_the_engines_does(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lengths(_: object, __: str, contents: dict[str, object]) -> dict[str, np.ndarray]:
        return {text: np.array([len(text)], np.float32) for text in contents if text != "红色运动鞋"}

    monkeypatch.setattr(encode_queries, "_looked_up", lengths)
    judged = judged_of(workspace)

    found = encode_queries.word_vectors(workspace, judged)

    assert found["all"] == pytest.approx([0.3 * len("red") + 0.7 * len("red shoes")])
    assert found["typed"] == found["said"] == [len("red shoes")]
    assert not found.keys() & {"chinese", "shown", "mumbled", "noise"}


@pytest.mark.parametrize("query_id", ["torn", "huge", "noise"])
def test_words_beside_something_unreadable_are_judged_as_refused_as_the_engine_refuses_them(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query_id: str
) -> None:
    def decoded(_: object, modality: str, contents: Mapping[str, Content]) -> dict[str, np.ndarray]:
        readable = [key for key, one in contents.items() if modality == TEXT or is_picture(one.read())]
        return {key: np.ones(2, np.float32) for key in readable}

    monkeypatch.setattr(encode_queries, "_looked_up", decoded)
    inputs = inputs_of(workspace) | {
        f"{name}_features": features_of(workspace, name) for name in (TEXT, IMAGE)
    }
    examples._make(workspace, inputs, language(inputs), tmp_path)

    judged = load_queries(tmp_path, "validation")

    row, photo = judged.batch.ids.index(query_id), judged.batch.ids.index("all")
    assert judged.texts[row] is None
    assert not any(mask[row] for mask in judged.batch.present.values())
    assert judged.texts[photo] == "red shoes"
    assert all(mask[photo] for mask in judged.batch.present.values())


def features_of(workspace: Workspace, modality: str) -> Snapshot:
    ids = [row["product_id"] for row in PRODUCTS]
    table = pl.DataFrame(
        {"product_id": ids, "vector": [[1.0, 0.0]] * len(ids)}, {"product_id": pl.String, "vector": VECTORS}
    )
    return workspace.lake.obtain_table(f"{modality}_features", "x", lambda: (table, {}))[0]


def is_picture(content: bytes) -> bool:
    try:
        open_image(content)
    except UnreadableImageError:
        return False
    return True


def test_what_nobody_understood_is_judged_as_unanswered(workspace: Workspace, tmp_path: Path) -> None:
    examples._make(workspace, inputs_of(workspace), language(inputs_of(workspace)), tmp_path)

    judged = load_queries(tmp_path, "validation")

    assert set(judged.batch.ids) == set(judged.grades) == {row["query_id"] for row in ROWS}
    assert judged.kinds["mumbled"] == "voice"
    assert judged.texts[judged.batch.ids.index("mumbled")] is None
    assert len(load_queries(tmp_path, "train").batch) == 0


def products_of(part: list[queries.TrainingQuery]) -> set[str]:
    return {product for query in part if query.query_id.startswith("title") for product in query.grades}


def test_queries_that_nobody_judged_are_held_out_by_product_where_they_decide(workspace: Workspace) -> None:
    parts = all_of(workspace)
    made = {name: {query.provenance for query in part} for name, part in parts.items()}
    assert made["train"] == {"catalogue"}
    assert made["validation"] == {"judged", "catalogue"}
    assert made["test"] == set()
    assert products_of(parts["train"])
    assert products_of(parts["validation"])
    assert not products_of(parts["train"]) & products_of(parts["validation"])


def test_where_judged_queries_decide_the_others_all_train(workspace: Workspace) -> None:
    workspace.__dict__["gate_policy"] = GatePolicy(min_queries=8)
    parts = all_of(workspace)
    assert {query.provenance for query in parts["validation"]} == {"judged"}
    titled = workspace.lake.current("products").table().drop_nulls(col.TITLE)[col.PRODUCT_ID]
    assert products_of(parts["train"]) | products_of(parts["dev"]) == set(titled)
