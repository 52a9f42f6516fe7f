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


@pytest.mark.parametrize(
    "arguments",
    [
        *(["search", "red shoes"], ["releases"], ["rollback", "r-1"], ["recommend", "--user", "u"]),
        *(["serve"], ["up"], ["run"]),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_moved_home_is_told_in_one_sentence_what_to_do(
    moved: Place, tmp_path: Path, capsys: Captured, arguments: list[str]
) -> None:
    before = moved.ledger(), moved.paths.run_options.read_text(encoding="utf-8")

    assert moved.mmsearch(*arguments) == 2

    lines = capsys.readouterr().err.strip().splitlines()
    assert lines == [
        f"mmsearch: home {moved.home} was moved or copied from {tmp_path / 'home'}, where its files are "
        f"still looked for: run `mmsearch relocate --home {moved.home}` once"
    ]
    assert (moved.ledger(), moved.paths.run_options.read_text(encoding="utf-8")) == before


def test_a_relocated_home_answers_from_its_own_files(moved: Place, tmp_path: Path, capsys: Captured) -> None:
    assert moved.mmsearch("relocate") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(f"Led to {tmp_path / 'home'}, lead to {moved.home} now: ")
    assert " model versions" in told
    assert moved.mmsearch("relocate") == 0
    assert "Nothing to change" in capsys.readouterr().out

    release = moved.manifest().release_id
    assert moved.mmsearch("search", "red shoes", "--k", 3, "--json") == 0
    assert release in capsys.readouterr().out
    assert moved.mmsearch("releases") == 0
    assert release[:4] in capsys.readouterr().out
    assert moved.released.registry.model_folder(1).is_relative_to(moved.home)
    assert not (tmp_path / "home").exists()


def test_a_folder_that_is_no_home_is_not_relocated(tmp_path: Path, capsys: Captured) -> None:
    nowhere = Place(tmp_path / "nowhere", None, tmp_path)
    assert nowhere.mmsearch("relocate") == 2
    assert "holds no models" in capsys.readouterr().err
    assert not nowhere.home.exists()
