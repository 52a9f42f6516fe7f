"""The monitors on a released home: silent where nothing changed, loud where something did."""

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from mmsearch_dagster.adapters.lake.batches import load_batch, save_batch
from mmsearch_dagster.adapters.registry.relocate import relocate
from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.modalities import TEXT
from mmsearch_dagster.pipeline.monitoring import monitors
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.fixtures.former_home import unpack
from tests.homes import Place


@pytest.mark.slow
def test_before_the_first_release_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path))
    found = [monitors.watch_data(workspace), monitors.watch_embeddings(workspace)]
    assert {one.sentence for one in found} == {"no release yet: nothing to compare with"}
    found.append(monitors.watch_searches(workspace))
    assert found[-1].sentence == "no log was read yet"
    assert all(one.checked["passed"] for one in found)


@pytest.mark.slow
def test_what_the_lake_no_longer_has_is_named(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    relocate(home / "mlflow")
    workspace = Workspace(Settings(home))
    champion = workspace.registry.champion()
    assert champion is not None
    for asset in ("products", examples.ASSET):
        shutil.rmtree(home / "lake" / asset / champion.snapshots[asset])

    assert monitors.watch_data(workspace).sentence == (
        "the data are what they were; products is not compared: the lake no longer has the champion's"
    )
    found = monitors.watch_embeddings(workspace)
    assert found.sentence == "training_examples is not compared: the lake no longer has the champion's"
    assert found.fine is None


@pytest.mark.slow
class TestReleased:
    def test_right_after_a_release_nothing_has_moved(self, tiny: Place) -> None:
        workspace = tiny.workspace
        assert monitors.watch_data(workspace).sentence == "the data are what they were"
        assert monitors.watch_embeddings(workspace).sentence == "the vectors lie where they lay"
        assert not monitors.watch_data(workspace).report.made

    def test_a_catalogue_that_became_another_is_named(self, tiny: Place, tmp_path: Path) -> None:
        workspace = tiny.copy(tmp_path / "home").workspace
        now = (
            workspace.lake.current("products")
            .table()
            .with_columns((pl.col(c.PRICE) * 10).alias(c.PRICE), pl.lit("Toys > All").alias(c.CATEGORY))
        )
        workspace.lake.obtain_table("products", "another", lambda: (now, {}))
        found = monitors.watch_data(workspace)
        assert not found.checked["passed"]
        assert "price" in found.sentence
        assert "top category" in found.sentence

    def test_vectors_that_cannot_be_compared_are_named(self, tiny: Place, tmp_path: Path) -> None:
        workspace = tiny.copy(tmp_path / "home").workspace
        items = load_batch(workspace.lake.current(examples.ASSET).folder, examples.ITEMS)
        shorter = {
            name: vectors[:, :3] if name == TEXT else vectors for name, vectors in items.vectors.items()
        }

        def make(folder: Path) -> dict[str, int]:
            save_batch(folder, examples.ITEMS, replace(items, vectors=shorter))
            return {"rows": len(items)}

        workspace.lake.obtain(examples.ASSET, "another", make)
        said = monitors.watch_embeddings(workspace).sentence
        width = items.widths[TEXT]
        assert f"text is not compared: vectors of {width} numbers have become vectors of 3" in said

    def test_searches_are_told_by_day(self, tiny: Place) -> None:
        found = monitors.watch_searches(tiny.workspace)
        assert found.checked["passed"]
        assert found.report.rows == tiny.workspace.lake.current("searches").table().height
