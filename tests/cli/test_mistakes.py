"""The command line meets mistakes, bugs and Ctrl-C: one sentence and the right exit code."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from mmsearch_dagster.adapters.host.run_lock import alone
from mmsearch_dagster.adapters.registry import relocate
from mmsearch_dagster.cli import main
from mmsearch_dagster.core.errors import ConfigError
from tests.fixtures.former_home import unpack
from tests.homes import Place
from tests.shops import bare_shop, write_csv

Captured = pytest.CaptureFixture[str]


def sentence(captured: Captured) -> str:
    """The one line on standard error."""
    lines = captured.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("mmsearch: ")
    return lines[0]


@pytest.fixture
def nowhere(tmp_path: Path, assets: Path) -> Place:
    """A home that does not exist."""
    return Place(tmp_path / "nowhere", None, assets)


# what goes wrong before anything starts


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "kite"],
        ["releases"],
        ["rollback", "r-1"],
        ["search", "kite", "--user", "u"],
        ["recommend", "--user", "u"],
        ["explain", "kite", "p1", "--user", "u"],
        ["search", "--batch", "{queries}", "--out", "{out}"],
        ["evaluate", "--judgments", "{queries}"],
    ],
)
def test_a_home_without_a_release_says_what_to_do(
    nowhere: Place, tmp_path: Path, capsys: Captured, arguments: list[str]
) -> None:
    rows = [{"query_id": "1", "query_text": "kite", "product_id": "1", "grade": 1}]
    files = {"queries": write_csv(tmp_path / "q.csv", rows), "out": tmp_path / "run.trec"}

    assert nowhere.mmsearch(*(one.format(**files) for one in arguments)) == 2

    assert f"run `mmsearch run --home {nowhere.home}` first" in sentence(capsys)
    assert not nowhere.home.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        *(["search", "kite"], ["releases"], ["rollback", "r-1"], ["recommend", "--user", "u"]),
        *(["serve"], ["up"], ["run"]),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_home_that_was_moved_or_copied_is_told_in_one_sentence_what_to_do(
    tmp_path: Path, assets: Path, capsys: Captured, arguments: list[str]
) -> None:
    elsewhere = Place(unpack(tmp_path), None, assets)
    former = relocate.former_home(elsewhere.paths.mlflow)

    assert elsewhere.mmsearch(*arguments) == 2

    assert sentence(capsys) == (
        f"mmsearch: home {elsewhere.home} was moved or copied from {former}, where its files are still "
        f"looked for: run `mmsearch relocate --home {elsewhere.home}` once"
    )
    assert not elsewhere.paths.lock.exists()
    assert relocate.former_home(elsewhere.paths.mlflow) == former


def test_a_folder_that_is_no_home_is_not_relocated(nowhere: Place, capsys: Captured) -> None:
    assert nowhere.mmsearch("relocate") == 2

    assert "holds no models" in sentence(capsys)
    assert not nowhere.home.exists()


def _no_file(folder: Path) -> Path:
    return folder / "gone.yaml"


def _no_products_file(folder: Path) -> Path:
    source = bare_shop(folder, [{"product_id": "1", "title": "Lamp"}])
    (folder / "products.csv").unlink()
    return source


def _empty_products(folder: Path) -> Path:
    source = bare_shop(folder, [{"product_id": "1", "title": "Lamp"}])
    (folder / "products.csv").write_text("", encoding="utf-8")
    return source


def _other_id_column(folder: Path) -> Path:
    return bare_shop(folder, [{"product_ids": "1", "title": "Lamp"}])


def _not_yaml(folder: Path) -> Path:
    source = bare_shop(folder, [{"product_id": "1", "title": "Lamp"}])
    source.write_text("catalogue: [", encoding="utf-8")
    return source


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (_no_file, "gone.yaml: the source file cannot be read (No such file or directory)"),
        (_no_products_file, "products.csv"),
        (_empty_products, "products.csv"),
        (_other_id_column, "did you mean 'product_ids'?"),
        (_not_yaml, "source.yaml"),
    ],
)
def test_a_shop_that_cannot_be_read_leaves_nothing_behind(
    nowhere: Place, tmp_path: Path, capsys: Captured, make: Callable[[Path], Path], expected: str
) -> None:
    assert nowhere.mmsearch("run", "--source", make(tmp_path / "shop")) == 2

    assert expected in sentence(capsys)
    assert not nowhere.home.exists()


@pytest.mark.parametrize(
    "broken",
    [
        "presets/run.yaml",
        "policies/gate.yaml",
        "policies/business.yaml",
        "expectations/products.yaml",
        "expectations/events.yaml",
        "expectations/judgments.yaml",
    ],
)
def test_a_reviewed_file_that_cannot_be_read_leaves_nothing_behind(
    nowhere: Place, tmp_path: Path, capsys: Captured, broken: str
) -> None:
    assets = Path(shutil.copytree(nowhere.assets, tmp_path / "assets"))
    with (assets / broken).open("a", encoding="utf-8") as file:
        file.write("\nsedd: 3\n")
    source = bare_shop(tmp_path / "shop", [{"product_id": "1", "title": "Lamp"}])

    assert Place(nowhere.home, source, assets).run() == 2

    told = sentence(capsys)
    assert broken in told
    assert "unknown key" in told
    assert not nowhere.home.exists()


@pytest.mark.slow
def test_one_run_at_a_time(place: Place, capsys: Captured) -> None:
    with alone(place.paths.lock):
        assert place.run() == 2

    assert "another run is at work" in sentence(capsys)


@pytest.mark.parametrize("arguments", [["--nonsense"], ["search", "--k", "many"], ["rollback"], ["fly"]])
def test_a_command_line_that_cannot_be_read(nowhere: Place, arguments: list[str]) -> None:
    assert nowhere.mmsearch(*arguments) == 2


@pytest.mark.parametrize("command", ["run", "up", "doctor"])
@pytest.mark.parametrize("under", [".", "x"])
def test_a_home_where_a_file_is_cannot_be_written(
    tmp_path: Path, assets: Path, capsys: Captured, command: str, under: str
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    home = tmp_path / "file" / under

    assert Place(home, None, assets).mmsearch(command) == 2

    assert f"home {home} cannot be written: there is a file in its place" in sentence(capsys)


def test_doctor_tries_the_encoders_without_making_a_home(nowhere: Place) -> None:
    def load(spec: object, cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        raise ConfigError("not now")

    with mock.patch("mmsearch_dagster.adapters.models.load.load_encoder", load):
        assert nowhere.mmsearch("doctor") == 1

    assert not nowhere.home.exists()


def test_a_home_that_the_disk_refuses_to_write_says_why(nowhere: Place, capsys: Captured) -> None:
    nowhere.paths.lock.mkdir(parents=True)  # what a read-only disk says, root may write everywhere else

    assert nowhere.mmsearch("run") == 2

    assert f"home {nowhere.home} cannot be written: Is a directory" in sentence(capsys)


def test_a_pointer_in_a_home_that_cannot_be_written_does_not_move(nowhere: Place) -> None:
    (nowhere.paths.mlflow / "pointer.lock").mkdir(parents=True)

    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        nowhere.released.registry.rollback("r-1", reason="test")


# the unexpected


def ended(command: Callable[[], None]) -> int:
    with pytest.raises(SystemExit) as error:
        main.main(command)
    return int(error.value.code or 0)


def _bug() -> None:
    raise ZeroDivisionError("division\nby zero")


def _interrupt() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with it ignored
    os.kill(os.getpid(), signal.SIGINT)
    raise AssertionError("still here")


def test_a_bug_is_one_sentence_with_a_way_to_see_more(capsys: Captured) -> None:
    assert ended(_bug) == 1

    told = sentence(capsys)
    assert "ZeroDivisionError: division by zero" in told
    assert "MMSEARCH_DEBUG=1" in told


def test_with_mmsearch_debug_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSEARCH_DEBUG", "1")

    with pytest.raises(ZeroDivisionError):
        main.main(_bug)


def test_ctrl_c_ends_with_130_and_without_a_traceback(capsys: Captured) -> None:
    assert ended(_interrupt) == 130

    assert "Traceback" not in capsys.readouterr().err


def test_ctrl_c_inside_a_command_ends_with_130() -> None:
    with (
        mock.patch.object(sys, "argv", ["mmsearch", "doctor"]),
        mock.patch("mmsearch_dagster.cli.doctor.installed", side_effect=KeyboardInterrupt),
    ):
        assert ended(main.app) == 130
