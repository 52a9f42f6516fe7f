"""A home belongs to one shop: it remembers which, and takes no other's release."""

import os
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.cli.options import run_settings
from mmsearch_dagster.core.errors import ConfigError, UserError
from mmsearch_dagster.pipeline.home import (
    check_same_shop,
    in_words,
    recall,
    relocate_home,
    remember,
    settings_for,
)
from mmsearch_dagster.pipeline.ingest.tables import read_raw
from mmsearch_dagster.pipeline.release.challenger import register
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import HOME_VARIABLE, HomePaths, RunOptions, Settings
from tests.fixtures.former_home import unpack
from tests.homes import Place
from tests.shops import REVIEWED, bare_shop

LAMPS = [{"product_id": str(n), "title": f"Lamp {n}"} for n in range(30)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "家 home"


@pytest.fixture
def asked(home: Path, tmp_path: Path) -> Settings:
    """A run that names everything there is to name, of files that exist."""
    source = bare_shop(tmp_path / "商店", LAMPS)
    preset = tmp_path / "preset.yaml"
    preset.touch()
    return Settings(home, source, source.parent, True, preset, True)


# what it remembers


def test_who_says_nothing_gets_what_was_asked_before(home: Path, asked: Settings) -> None:
    assert settings_for(home) == Settings(home)

    remember(asked)

    assert recall(home) == asked.options
    assert settings_for(home) == asked


def test_what_is_said_wins_and_is_remembered_anew(home: Path, asked: Settings, tmp_path: Path) -> None:
    remember(asked)
    other = bare_shop(tmp_path / "other", LAMPS)

    now = settings_for(home, RunOptions(other, finetune=False))
    remember(now)

    assert now == Settings(home, other, None, False, asked.preset, True)
    assert settings_for(home) == now


@pytest.mark.parametrize("option", ["source", "root", "preset"])
def test_what_is_gone_is_named_with_the_option_to_give(home: Path, asked: Settings, option: str) -> None:
    gone = home.parent / "gone"
    remember(Settings(home, **{"source": asked.source, option: gone}))

    with pytest.raises(UserError, match=f"remembers --{option} {gone}, which is gone: give --{option}"):
        settings_for(home)

    assert "(gone)" in in_words(recall(home))
    said = {"source": asked.source, option: getattr(asked, option)}
    assert settings_for(home, RunOptions(**said)) == Settings(home, **said)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"source": 3}'])
def test_a_memory_that_cannot_be_read_is_not_the_sample_store(home: Path, content: bytes) -> None:
    home.mkdir()
    HomePaths(home).run_options.write_bytes(content)

    with pytest.raises(
        ConfigError, match=r"asked.json cannot be read .* delete it and give --source"
    ) as told:
        settings_for(home)

    assert "\n" not in str(told.value)


def test_it_is_told_as_options(asked: Settings) -> None:
    assert in_words(RunOptions()) == "the embedded sample store"
    told = in_words(asked.options)
    shop = f"--source {asked.source} --root {asked.root} --preset {asked.preset}"
    assert told == f"{shop} --finetune --finetune-text"


# the command line


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`mmsearch run` and `up` as far as their servers and steps; what they would have started, in words."""
    from mmsearch_dagster.cli import run, up
    from mmsearch_dagster.cli.display import summary

    begun: list[str] = []
    monkeypatch.setattr(run, "_execute", lambda settings, *_: begun.append(in_words(settings.options)))
    monkeypatch.setattr(run, "show_gate", lambda settings: None)
    monkeypatch.setattr(run, "_show_kind", lambda settings: None)
    monkeypatch.setattr(summary, "show", lambda *given: None)
    monkeypatch.setattr(up, "commands", lambda settings, **ports: {})

    def watch(*given: object) -> None:
        assert os.environ["MMSEARCH_SOURCE"] == "", (
            "the servers would keep to it when the home is asked otherwise"
        )
        begun.append(in_words(run_settings(Path(os.environ[HOME_VARIABLE])).options))
        raise KeyboardInterrupt

    monkeypatch.setattr(up, "_watch", watch)
    return begun


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "up"])
def test_a_command_goes_on_with_the_shop_of_the_home(
    home: Path, asked: Settings, begun: list[str], command: str
) -> None:
    place = Place(home, None, REVIEWED)
    shop_of_old = ("--source", asked.source, "--root", asked.root, "--preset", "multilingual")

    assert place.mmsearch(command, *shop_of_old, "--finetune", "--finetune-text") == 0
    assert place.mmsearch("run") == 0
    assert place.mmsearch("up") == 0
    assert place.mmsearch("run", "--no-finetune", "--no-finetune-text", "--preset", "run") == 0
    assert place.mmsearch("up") == 0

    presets = REVIEWED / "presets"
    shop = f"--source {asked.source} --root {asked.root} --preset"
    assert begun[:3] == [f"{shop} {presets / 'multilingual.yaml'} --finetune --finetune-text"] * 3
    assert begun[3:] == [f"{shop} {presets / 'run.yaml'}"] * 2


@pytest.mark.parametrize("command", ["run", "up"])
def test_a_command_whose_shop_is_gone_starts_nothing(
    home: Path, asked: Settings, begun: list[str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(home, None, REVIEWED)
    remember(Settings(home, asked.source))
    assert asked.source is not None
    asked.source.unlink()

    assert place.mmsearch(command) == 2

    assert f"remembers --source {asked.source}, which is gone" in capsys.readouterr().err
    assert begun == []
    assert [one.name for one in home.iterdir()] == ["asked.json"]


def test_a_shop_that_cannot_be_read_is_not_remembered(home: Path, asked: Settings, begun: list[str]) -> None:
    remember(asked)

    assert Place(home, home / "no.yaml", REVIEWED).run() == 2

    assert recall(home) == asked.options
    assert begun == []


# the guard


def _released(home: Path, monkeypatch: pytest.MonkeyPatch, catalogue: str) -> None:
    """A home whose champion is of that catalogue, as far as anybody here asks."""
    from mmsearch_dagster.adapters.registry.registry import Registry
    from mmsearch_dagster.core.release import ReleaseManifest

    HomePaths(home).mlflow.mkdir(parents=True)
    manifest = ReleaseManifest.model_construct(catalogue=catalogue)
    monkeypatch.setattr(Registry, "champion", lambda self: manifest)


def test_a_home_takes_the_shop_of_its_releases_only(
    home: Path, asked: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_same_shop(Workspace(asked))
    _released(home, monkeypatch, "bare")

    check_same_shop(Workspace(asked))

    told = (
        r"holds releases of 'bare', the source \(the embedded sample store\) is 'sample': use another --home"
    )
    with pytest.raises(UserError, match=told):
        check_same_shop(Workspace(Settings(home)))
    assert not HomePaths(home).sample.exists()


@pytest.mark.parametrize("command", ["run", "up"])
def test_a_command_for_another_shop_is_refused_and_not_remembered(
    home: Path,
    asked: Settings,
    begun: list[str],
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    remember(Settings(home, asked.source))
    _released(home, monkeypatch, "bare")
    other = bare_shop(home.parent / "other", LAMPS, catalogue="other")

    assert Place(home, None, REVIEWED).mmsearch(command, "--source", other) == 2

    assert f"({other}) is 'other': use another --home" in capsys.readouterr().err
    assert recall(home).source == asked.source
    assert begun == []


def test_no_step_of_dagster_reads_another_shop_into_the_home(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _released(home, monkeypatch, "grocery")
    workspace = Workspace(Settings(home))

    for table in ("products", "events", "searches", "judgments"):
        with pytest.raises(UserError, match="holds releases of 'grocery'"):
            read_raw(workspace, table)
    with pytest.raises(UserError, match="holds releases of 'grocery'"):
        register(workspace)

    assert not HomePaths(home).sample.exists()
    assert not HomePaths(home).lake.exists()


@pytest.mark.slow
def test_a_real_release_is_not_replaced_by_the_sample_store(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the home remembers is lost, as in homes of before there was a memory."""
    place.paths.run_options.unlink()
    before = place.manifest(), Lake(place.paths.lake).current("products").digest

    assert place.mmsearch("run") == 2

    assert "holds releases of 'tiny'" in capsys.readouterr().err
    assert (place.manifest(), Lake(place.paths.lake).current("products").digest) == before
    assert not place.paths.sample.exists()


# a home and a shop that moved


def test_a_moved_home_says_which_of_its_shops_files_are_gone(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    source = recall(home).source

    messages = relocate_home(home)

    assert messages[0].startswith("Changed addresses from ")
    assert messages[1:] == [
        f"--source {source} of the home's last run is gone: if its folder moved, give --moved OLD=NEW."
    ]


def test_a_shop_that_moved_is_used_by_the_homes_next_run(tmp_path: Path) -> None:
    home, shop = unpack(tmp_path), bare_shop(tmp_path / "new shop", LAMPS).parent
    former = recall(home).source
    assert former is not None

    messages = relocate_home(home, folders={former.parent: shop})

    assert messages[-1] == f"The home's next run uses --source {shop / former.name}."
    assert settings_for(home).source == shop / former.name
    assert relocate_home(home, folders={former.parent: shop}) == []


@pytest.mark.parametrize("name", ["shop?1", "?"])
def test_a_home_that_mlflow_cannot_use_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    for open_home in (run_settings, settings_for):
        with pytest.raises(ConfigError, match=r"folder with '\?' in its name"):
            open_home(tmp_path / name / "home")
    assert not list(tmp_path.iterdir())
