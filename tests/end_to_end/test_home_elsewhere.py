"""A released home is a folder like any other: it may be moved or copied, and is told so once."""

import shutil
from pathlib import Path

import pytest

from tests.homes import Place

pytestmark = pytest.mark.slow
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def moved(place: Place, tmp_path: Path) -> Place:
    """A released home in another folder than the one it was made in."""
    return Place(Path(shutil.move(place.home, tmp_path / "elsewhere")), place.source, place.assets)


def test_a_relocated_home_answers_from_its_own_files(moved: Place, tmp_path: Path, capsys: Captured) -> None:
    assert moved.mmsearch("relocate") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(f"Changed addresses from {tmp_path / 'home'} to {moved.home} in ")
    assert " 1 model version" in told
    assert moved.mmsearch("relocate") == 0
    assert "Nothing to change" in capsys.readouterr().out

    release = moved.manifest().release_id
    assert moved.mmsearch("search", "red shoes", "--k", 3, "--json") == 0
    assert release in capsys.readouterr().out
    assert moved.mmsearch("releases") == 0
    assert release[:4] in capsys.readouterr().out
    assert moved.released.registry.model_folder(1).is_relative_to(moved.home)
    assert not (tmp_path / "home").exists()
