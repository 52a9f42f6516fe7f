"""A fine-tuned encoder is part of its release: it passes the gate, survives a lost lake, is rolled back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mmsearch_dagster.core.release import EncoderIdentity, ReleaseManifest
from tests.homes import Place

pytestmark = pytest.mark.slow

_RECIPE = {"epochs": 1, "batch": 16, "sizes": [48], "encode_size": 64, "stages": 1}


@pytest.fixture(scope="module")
def tuned(tiny: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The tiny shop's home after a second run, with fine-tuning in its preset."""
    folder = tmp_path_factory.mktemp("tuned")
    shutil.copytree(tiny.assets, folder / "assets")
    preset = folder / "assets" / "presets" / "run.yaml"
    settings = yaml.safe_load(preset.read_text(encoding="utf-8"))
    preset.write_text(yaml.safe_dump({**settings, "finetune": _RECIPE}), encoding="utf-8")
    gate = folder / "assets" / "policies" / "gate.yaml"
    policy = yaml.safe_load(gate.read_text(encoding="utf-8"))
    # One epoch on tiny pictures need not be better than none; what is released then is asked here.
    lenient = {**policy["champion"], "max_drop": 1.0}
    slices = {name: {**rule, "max_drop": 1.0} for name, rule in policy["slices"].items()}
    gate.write_text(yaml.safe_dump({**policy, "champion": lenient, "slices": slices}), encoding="utf-8")
    copied = tiny.copy(folder / "home")
    place = Place(copied.home, copied.source, folder / "assets")
    _own_encoders(place)
    assert place.run() == 0
    return place


def _own_encoders(place: Place) -> None:
    """A cache of its own, so that it can be lost."""
    shared = place.paths.encoder_cache.resolve()
    place.paths.encoder_cache.unlink()
    shutil.copytree(shared, place.paths.encoder_cache)


def _image(manifest: ReleaseManifest) -> EncoderIdentity:
    return next(one for one in manifest.encoders if one.modality == "image")


def _photo(place: Place) -> Path:
    assert place.source is not None
    return next(_pictures(place.source.parent))


def _pictures(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix in (".png", ".jpg", ".webp"))


def test_the_release_names_another_image_encoder_than_its_parent(tiny: Place, tuned: Place) -> None:
    before, after = tiny.manifest(), tuned.manifest()

    assert after.parent == before.release_id
    assert _image(after).fingerprint != _image(before).fingerprint
    assert _image(after).spec["size"] == 64
    # Videos are read by the image encoder.
    old, new = ({one.modality: one.fingerprint for one in release.encoders} for release in (before, after))
    assert {modality for modality in old if old[modality] != new[modality]} == {"image", "video"}


def test_it_answers_photos_when_lake_and_encoders_are_lost(
    tuned: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tuned.copy(tmp_path / "home")
    place.paths.encoder_cache.unlink()
    shutil.rmtree(place.paths.lake)
    moved = tuned.paths.encoder_cache.rename(tuned.home / "away")
    try:
        assert place.mmsearch("search", "--image", _photo(place), "--k", 3, "--json") == 0
        assert place.manifest().release_id in capsys.readouterr().out
    finally:
        moved.rename(tuned.paths.encoder_cache)


def test_rolling_back_takes_the_configured_encoder_again(
    tiny: Place, tuned: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tuned.copy(tmp_path / "home")

    assert place.mmsearch("rollback", tiny.manifest().release_id) == 0

    assert _image(place.manifest()) == _image(tiny.manifest())
    assert place.mmsearch("search", "--image", _photo(place), "--k", 3) == 0
