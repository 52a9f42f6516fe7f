"""A released home is a folder like any other: it may be moved."""

import shutil
from pathlib import Path

import pytest

from tests.homes import Place

pytestmark = pytest.mark.slow


def test_a_moved_home_answers_from_its_own_files(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = place.manifest().release_id
    assert place.released.registry.model_folder(1).is_relative_to(place.home)
    moved = Place(Path(shutil.move(place.home, tmp_path / "elsewhere")), place.source, place.assets)

    assert moved.mmsearch("search", "red shoes", "--k", 3, "--json") == 0
    assert release in capsys.readouterr().out
    assert moved.mmsearch("releases") == 0
    assert release[:4] in capsys.readouterr().out
    assert moved.released.registry.model_folder(1).is_relative_to(moved.home)
    assert not place.home.exists()
