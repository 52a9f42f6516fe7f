"""What stops a step inside Dagster comes out of the command line as what it was."""

import os
import signal
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.host.run_lock import alone
from mmsearch_dagster.cli.display.progress import Display
from tests.homes import Place
from tests.shops import bare_shop, tiny_assets

pytestmark = pytest.mark.slow

Captured = pytest.CaptureFixture[str]
LAMPS = [{"product_id": str(n), "title": f"Lamp {n}"} for n in range(30)]


def one_sentence(captured: Captured) -> str:
    lines = captured.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_preset_that_cannot_be_read_is_the_users_to_mend(
    new_place: Place, tmp_path: Path, capsys: Captured
) -> None:
    """The error is raised from another library's, and Dagster wraps both."""
    assets = tiny_assets(tmp_path / "assets")
    preset = assets / "presets" / "run.yaml"
    preset.write_text(preset.read_text(encoding="utf-8") + "\nsteps: 3\n", encoding="utf-8")
    place = Place(new_place.home, bare_shop(tmp_path / "shop", LAMPS), assets)

    assert place.run() == 2

    assert "run.yaml: steps: unknown key" in one_sentence(capsys)


def test_a_file_that_breaks_off_is_the_users_to_mend(
    new_place: Place, tmp_path: Path, capsys: Captured
) -> None:
    """Its beginning looks fine, so only the step that reads it all can notice."""
    source = bare_shop(tmp_path / "shop", LAMPS)
    file = source.parent / "products.csv"
    file.write_bytes(file.read_bytes() + b'99,"a quote that never ends\n' + b"\xff\xfe\x00 binary" * 50)
    place = Place(new_place.home, source, new_place.assets)

    assert place.run() == 2

    assert "products" in one_sentence(capsys)


def test_a_bug_in_a_step_is_ours(
    new_place: Place, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*args: object) -> None:
        raise ZeroDivisionError("unheard of")

    monkeypatch.setattr("mmsearch_dagster.adapters.sources.reading.read_table", bug)
    place = Place(new_place.home, bare_shop(tmp_path / "shop", LAMPS), new_place.assets)

    assert place.run() == 1

    assert "_raw failed: ZeroDivisionError: unheard of" in one_sentence(capsys)


def test_ctrl_c_in_a_step_ends_with_130_and_leaves_the_home_free(
    new_place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Dagster catches the signal and makes a failed step of it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with it ignored
    place = Place(new_place.home, bare_shop(tmp_path / "shop", LAMPS), new_place.assets)
    monkeypatch.setattr(Display, "start", lambda self, stage, total: os.kill(os.getpid(), signal.SIGINT))

    assert place.run() == 130

    assert "what is finished is kept" in " ".join(capsys.readouterr().out.split())
    with alone(place.paths.lock):
        assert place.released.release_id() is None
