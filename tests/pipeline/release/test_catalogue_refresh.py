"""A changed price, a new product and one that is gone are served without a training and without the gate."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.models import load
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.pipeline import run
from mmsearch_dagster.pipeline.features.index_rows import index_rows
from mmsearch_dagster.pipeline.monitoring.monitors import watch_data
from mmsearch_dagster.pipeline.workspace import Workspace
from tests.end_to_end.changes import repriced_shop
from tests.homes import Place
from tests.shops import read_csv, write_csv

pytestmark = pytest.mark.slow

PRICE = 1234.5


@pytest.fixture
def repriced(tiny: Place, tmp_path: Path) -> Place:
    """A copy of the released home whose shop has another price, a new product and one less."""
    return tiny.copy(tmp_path / "home", source=repriced_shop(tiny, tmp_path / "shop"))


def prices(place: Place) -> dict[str, float | None]:
    """Price of each product that the served index holds."""
    table = place.released.engine().table
    payload = table.rows(sorted(table.product_ids))
    return {product: row[col.PRICE] for product, row in payload.items()}


def first_hits(place: Place, text: str) -> set[str]:
    """Ids of the first products of an answer."""
    return {hit.product_id for hit in place.released.engine().search(Query(text=text), k=10).hits}


def test_the_released_model_serves_the_changed_catalogue(
    tiny: Place, repriced: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    before, served = tiny.manifest(), prices(tiny)

    assert repriced.run() == 0

    now, manifest = prices(repriced), repriced.manifest()
    assert PRICE in now.values()
    assert "NEW-1" in now
    assert len(now) == len(served), "one came and one went"
    assert manifest.release_id != before.release_id
    assert (manifest.parent, manifest.refresh_of) == (before.release_id, before.release_id)
    assert manifest.weights_sha256 == before.weights_sha256
    registry = repriced.released.registry
    assert registry.decision(manifest.model_version) == registry.decision(before.model_version)
    assert repriced.actions() == ["promotion", "promotion"]
    assert "NEW-1" in first_hits(repriced, "brand new purple kite")
    assert "nothing is trained" in " ".join(capsys.readouterr().out.split())


def test_a_price_alone_encodes_nothing_trains_nothing_and_asks_no_gate(
    tiny: Place, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tiny.source is not None
    shutil.copytree(tiny.source.parent, tmp_path / "shop")
    rows = read_csv(tmp_path / "shop" / "products.csv")
    write_csv(tmp_path / "shop" / "products.csv", [{**rows[0], "price": str(PRICE)}, *rows[1:]])
    changed = Place(place.home, tmp_path / "shop" / "source.yaml", place.assets)

    def refuse(name: str) -> Callable[..., object]:
        def called(*given: object, **named: object) -> object:
            raise AssertionError(f"{name} was called")

        return called

    monkeypatch.setattr(load, "load_encoder", refuse("load_encoder"))
    for step in ("train_candidates", "evaluate", "train_ranker", "register"):
        monkeypatch.setattr(run, step, refuse(step))

    reports = {report.name: report for report in run.refresh(changed.workspace)}

    assert PRICE in prices(changed).values()
    assert {name for name in reports if name.endswith("_features")} == {
        f"{modality}_features" for modality in ("text", "image", "audio", "video")
    }
    # Once more: nothing is left to do.
    versions = changed.versions()
    assert not run.refresh(changed.workspace)[-1].made
    assert changed.versions() == versions


def test_a_refused_challenger_does_not_keep_a_price_from_being_served(
    repriced: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(repriced.assets, tmp_path / "strict")
    policy = tmp_path / "strict" / "policies" / "gate.yaml"
    policy.write_text(policy.read_text(encoding="utf-8").replace("floor: 0.1", "floor: 1.0"))
    strict = Place(repriced.home, repriced.source, tmp_path / "strict")

    assert strict.run() == 1

    assert PRICE in prices(strict).values()
    assert strict.manifest().refresh_of is not None
    assert strict.actions() == ["promotion", "promotion", "rejection"]
    said = capsys.readouterr()
    assert "gate policy" in " ".join(said.out.split()), "why models were trained"
    assert strict.manifest().release_id in said.err, "which release answers now"
    # Tomorrow's price needs no training either: these inputs were tried.
    assert strict.source is not None
    file = strict.source.parent / "products.csv"
    rows = read_csv(file)
    write_csv(file, [{**rows[0], "price": "77"}, *rows[1:]])
    assert strict.run() == 0
    assert 77.0 in prices(strict).values()


def test_drift_is_measured_to_the_catalogue_that_the_model_was_trained_on(
    tiny: Place, repriced: Place
) -> None:
    run.refresh(repriced.workspace)
    champion = repriced.manifest()
    trained = tiny.manifest().snapshots["products"]

    assert champion.snapshots["trained_products"] == trained
    assert champion.snapshots["products"] != trained
    report = watch_data(repriced.workspace).report
    assert report.tables["by column"].height


def test_the_served_model_goes_on_with_its_own_encoders(
    tiny: Place, repriced: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with another text encoder: what it encodes says nothing to the released model."""
    own = Workspace.encoder

    def other(self: Workspace, modality: str) -> object:
        spec = own(self, modality)
        return spec and spec.model_copy(update={"item_prefix": "item: "}) if modality == "text" else spec

    monkeypatch.setattr(Workspace, "encoder", other)
    run.read_catalogue(repriced.workspace)

    report, facts = run.refresh_catalogue(repriced.workspace)

    assert facts.retrain
    assert facts.release == repriced.manifest().release_id
    assert report.made
    assert "NEW-1" in first_hits(repriced, "brand new purple kite")
    table = repriced.released.engine().table
    assert table.vectors(["NEW-1"])[0], "it is found by its vector too"


@pytest.mark.parametrize("harm", ["folder", "tag", "restored"])
def test_an_index_that_was_removed_or_restored_is_built_again_by_the_next_run(
    harm: str, place: Place
) -> None:
    manifest = place.manifest()
    before = first_hits(place, "red mug")
    if harm == "folder":
        shutil.rmtree(place.paths.index)
    else:
        place.workspace.index.drop_tag(manifest.catalogue, manifest.release_id)
    if harm == "restored":
        rows = index_rows(place.workspace.lake.current("products").table().head(5))
        place.workspace.index.publish(manifest.catalogue, manifest.release_id, rows, vector_column=None)
    run.read_catalogue(place.workspace)

    report, facts = run.refresh_catalogue(place.workspace)

    assert "it is built again" in facts.why
    assert report.made
    assert place.manifest().release_id == manifest.release_id
    assert first_hits(place, "red mug") == before
    assert "it is built again" not in run.refresh_catalogue(place.workspace)[1].why
