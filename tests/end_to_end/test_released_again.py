"""A refresh of what did not change costs nothing and changes nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.pipeline import run
from mmsearch_dagster.pipeline.workspace import Workspace
from tests.homes import Place

pytestmark = pytest.mark.slow


def test_the_first_run_releases(tiny: Place) -> None:
    manifest = tiny.manifest()

    assert manifest.index is not None
    assert manifest.index.rows == Lake(tiny.paths.lake).current("products").facts["rows"]
    assert tiny.actions() == ["promotion"]
    assert tiny.released.registry.decision(manifest.model_version).passed  # type: ignore[union-attr]


def test_a_second_run_encodes_nothing_registers_nothing_and_moves_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: Workspace, spec: object) -> Callable[[], object]:
        def load() -> object:
            raise AssertionError("an encoder was loaded")

        return load

    monkeypatch.setattr(Workspace, "loader", never)
    before, ledger, versions = place.manifest(), place.ledger(), place.versions()

    reports = {one.name: one for one in run.refresh(place.workspace)}

    assert [reports[f"{name}_features"].metrics["encoded now"] for name in ("text", "image")] == [0, 0]
    assert not reports["training_examples"].made
    assert not reports["evaluation_report"].made
    assert reports["evaluation_report"].tables["test (never used to choose)"].height
    assert place.manifest() == before
    assert place.ledger() == ledger
    assert place.versions() == versions


def test_rolling_back_answers_as_before_and_no_unchanged_run_undoes_it(
    tiny: Place, later: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tiny.manifest(), later.manifest()
    assert second.parent == first.release_id
    place = later.copy(tmp_path / "home")

    assert place.mmsearch("rollback", first.release_id, "--reason", "customers complained") == 0

    assert place.manifest().release_id == first.release_id
    engine = place.released.engine()
    assert engine.manifest.index == first.index
    assert engine.manifest.weights_sha256 == first.weights_sha256
    assert place.actions() == ["promotion", "promotion", "rollback"]
    assert "customers complained" in place.ledger()

    assert place.run() == 1  # the same data would bring back what was withdrawn

    assert place.manifest().release_id == first.release_id
    told = " ".join(capsys.readouterr().err.split())
    assert f"it was withdrawn (customers complained); `mmsearch rollback {second.release_id}`" in told
