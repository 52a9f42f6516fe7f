"""The monitors on a released home: silent where nothing changed, loud where something did."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.adapters.registry.relocate import relocate
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.modalities import TEXT, Matrix
from mmsearch_dagster.core.monitoring import behaviour_drift
from mmsearch_dagster.pipeline.features.encode import VECTOR, asset_of
from mmsearch_dagster.pipeline.monitoring import monitors, reference
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


def text_vectors(workspace: Workspace) -> Matrix:
    return workspace.lake.current(asset_of(TEXT)).table()[VECTOR].to_numpy()


def plant_text_vectors(workspace: Workspace, vectors: Matrix) -> None:
    """As if the encoding of today's catalogue had given these."""
    features = workspace.lake.current(asset_of(TEXT))
    column = pl.Series(VECTOR, vectors, dtype=pl.Array(pl.Float32, vectors.shape[1]))
    facts = {key: value for key, value in features.facts.items() if key != "rows"}
    table = features.table().with_columns(column)
    workspace.lake.obtain_table(asset_of(TEXT), "another", lambda: (table, facts))


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
            .with_columns((pl.col(col.PRICE) * 10).alias(col.PRICE), pl.lit("Toys > All").alias(col.CATEGORY))
        )
        workspace.lake.obtain_table("products", "another", lambda: (now, {}))
        found = monitors.watch_data(workspace)
        assert not found.checked["passed"]
        assert "price" in found.sentence
        assert "top category" in found.sentence

    def test_vectors_that_cannot_be_compared_are_named(self, tiny: Place, tmp_path: Path) -> None:
        workspace = tiny.copy(tmp_path / "home").workspace
        vectors = text_vectors(workspace)
        plant_text_vectors(workspace, vectors[:, :3])

        found = monitors.watch_embeddings(workspace)

        width = vectors.shape[1]
        assert f"text is not compared: vectors of {width} numbers have become vectors of 3" in found.sentence

    def test_a_release_keeps_the_sample_that_it_is_compared_with(self, tiny: Place, tmp_path: Path) -> None:
        """Also where everything that the sample was drawn from has left the lake."""
        place = tiny.copy(tmp_path / "home")
        manifest = place.manifest()
        for asset in (reference.PRODUCTS, reference.INTERACTIONS, reference.SEARCHES, examples.ASSET):
            shutil.rmtree(place.paths.lake / asset / manifest.snapshots[asset])
        kept = reference.ReleasedReference(place.workspace)

        products, vectors = kept.table(reference.PRODUCTS), kept.vectors()

        assert manifest.snapshots[reference.ASSET] == products.digest == vectors.digest
        assert products.load().height == len(vectors.load().items) > 0
        assert kept.missing == []

    def test_a_release_of_before_there_was_a_sample_is_compared_with_its_snapshots(
        self, tiny: Place, tmp_path: Path
    ) -> None:
        place = tiny.copy(tmp_path / "home")
        shutil.rmtree(place.paths.lake / reference.ASSET)

        assert monitors.watch_data(place.workspace).sentence == "the data are what they were"
        assert monitors.watch_embeddings(place.workspace).sentence == "the vectors lie where they lay"

    def test_new_products_of_another_kind_are_seen_before_anything_is_trained(
        self, tiny: Place, tmp_path: Path
    ) -> None:
        workspace = tiny.copy(tmp_path / "home").workspace
        vectors = text_vectors(workspace).copy()
        vectors[::2] = np.roll(vectors[::2], 7, axis=1)  # half of the products have other words
        plant_text_vectors(workspace, vectors)

        found = monitors.watch_embeddings(workspace)

        assert not found.checked["passed"]
        assert {finding.subject for finding in found.findings} == {TEXT}
        assert found.sentence.startswith("moved since the release: text (")
        assert all(draw().startswith(b"\x89PNG") for draw in found.report.charts.values())
        assert found.report.charts

    def test_a_short_log_says_nothing_of_behaviour(self, tiny: Place) -> None:
        found = monitors.watch_behaviour(tiny.workspace)
        assert (found.fine, found.sentence) == (None, "fewer than 50 searches in 7 days: cannot tell")

    def test_people_who_do_as_they_did_are_no_drift(
        self, tiny: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = tiny.copy(tmp_path / "home")
        shutil.rmtree(place.paths.lake / monitors.BEHAVIOUR, ignore_errors=True)  # of the test before
        monkeypatch.setattr(behaviour_drift, "MIN_SEARCHES", 1)

        found = monitors.watch_behaviour(place.workspace)

        assert found.sentence == "people search and choose as they did"
        assert all(draw().startswith(b"\x89PNG") for draw in found.report.charts.values())
        assert found.report.charts

    def test_searches_are_told_by_day(self, tiny: Place) -> None:
        found = monitors.watch_searches(tiny.workspace)
        assert found.checked["passed"]
        assert found.report.rows == tiny.workspace.lake.current("searches").table().height
