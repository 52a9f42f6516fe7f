"""Judged queries on their way to the judge: named as the engine names them, and none is lost."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.adapters.lake.batches import load_queries
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.speech.transcript import Transcript
from mmsearch_dagster.pipeline.training import examples, queries
from mmsearch_dagster.pipeline.training.transcripts import language
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.catalogue_rows import catalogue
from tests.media import sound_file

ROWS = [
    {"query_id": "typed", "query_text": "red shoes"},
    {"query_id": "chinese", "query_text": "红色运动鞋"},
    {"query_id": "shown", "image": "photo.png"},
    {"query_id": "said", "audio": "said.wav"},
    {"query_id": "mumbled", "audio": "mumbled.wav"},
    {"query_id": "both", "image": "photo.png", "audio": "said.wav"},
    {"query_id": "half", "image": "photo.png", "audio": "mumbled.wav"},
    {"query_id": "all", "query_text": "red", "image": "photo.png", "audio": "said.wav"},
]


@pytest.fixture
def workspace(assets: Path, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    made = Workspace(Settings(tmp_path / "home", shop), assets)
    products = catalogue(30).select("product_id", "title", "category", "brand")
    judged = pl.concat([c.JUDGMENTS.to_frame(), pl.DataFrame(ROWS)], how="diagonal").with_columns(
        product_id=pl.lit(products["product_id"][0]), grade=pl.lit(3), split=pl.lit("validation")
    )
    tables = {
        "products": pl.concat([c.PRODUCTS.to_frame(), products], how="diagonal"),
        "queries": judged,
        "searches": c.SEARCHES.to_frame(),
        "interactions": c.EVENTS.to_frame(),
    }
    for name, rows in tables.items():
        made.lake.obtain_table(name, "x", lambda rows=rows: (rows, {}))
    said = {"said": "red shoes", "both": "red shoes", "all": "shoes"}
    monkeypatch.setattr(
        queries, "transcribe_queries", lambda *_: {key: Transcript(one, 0.7) for key, one in said.items()}
    )
    return made


def inputs_of(workspace: Workspace) -> dict[str, Snapshot]:
    names = ("products", "queries", "searches", "interactions")
    return {name: workspace.lake.current(name) for name in names}


def all_of(workspace: Workspace) -> dict[str, list[queries.TrainingQuery]]:
    inputs = inputs_of(workspace)
    return queries.all_queries(workspace, inputs, {}, language(inputs))


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

    monkeypatch.setattr(examples, "_looked_up", lengths)
    judged = judged_of(workspace)

    found = examples._worded(workspace, judged)

    assert found["all"] == pytest.approx([0.3 * len("red") + 0.7 * len("red shoes")])
    assert found["typed"] == found["said"] == [len("red shoes")]
    assert not found.keys() & {"chinese", "shown", "mumbled"}


def test_what_nobody_understood_is_judged_as_unanswered(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mumbled.wav").write_bytes(sound_file(np.zeros(16_000, np.float32)))
    examples._make(workspace, inputs_of(workspace), language(inputs_of(workspace)), tmp_path)

    judged = load_queries(tmp_path, "validation")

    assert set(judged.batch.ids) == set(judged.grades) == {row["query_id"] for row in ROWS}
    assert judged.kinds["mumbled"] == "voice"
    assert judged.texts[judged.batch.ids.index("mumbled")] is None
    assert len(load_queries(tmp_path, "train").batch) == 0


def test_queries_that_nobody_judged_stand_beside_the_judged_ones_and_say_so(workspace: Workspace) -> None:
    parts = all_of(workspace)
    made = {name: {one.provenance for one in part} for name, part in parts.items()}
    assert made == {
        "train": {"catalogue"},
        "dev": {"catalogue"},
        "validation": {"judged", "catalogue"},
        "test": set(),
    }
    products = {
        name: {product for one in part if one.query_id.startswith("title") for product in one.grades}
        for name, part in parts.items()
    }
    assert products["train"]
    assert products["validation"]
    assert not products["train"] & products["validation"]
