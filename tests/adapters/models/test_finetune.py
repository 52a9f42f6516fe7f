"""A fine-tuned encoder is an ordinary model folder with a fingerprint of its own."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mmsearch_dagster.adapters.host.cores import CORES_VARIABLE
from mmsearch_dagster.adapters.models.finetune import (
    finetuned_folder,
    publish,
    require_tunable,
    tune,
    tuned_spec,
)
from mmsearch_dagster.adapters.models.load import describe_encoder, load_encoder, spec_of
from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.protocol import Content, EncoderSpec
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.finetuning.augmentation import Photo
from mmsearch_dagster.core.finetuning.params import FinetuneParams
from mmsearch_dagster.core.finetuning.watch import Watch
from tests.tiny_networks import coloured, reader, tiny_folder

pytestmark = pytest.mark.slow

PARAMS = FinetuneParams(epochs=1, batch=4, sizes=(32,), encode_size=48, encode_crop=0.9, stages=2)
PHOTOS = [Photo(n % 2, reader(coloured(n % 2, n))) for n in range(8)]


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> EncoderSpec:
    folder = tiny_folder(tmp_path_factory.mktemp("models") / "tiny")
    return EncoderSpec(modality="image", library="timm", model=str(folder), batch_size=5)


@pytest.fixture(scope="module")
def home(configured: EncoderSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoders of a home, a tuned one among them."""
    home = tmp_path_factory.mktemp("home")
    checkpoint = home / "encoders" / "x.checkpoint"
    tune(configured, PHOTOS, [], PARAMS, home / "made", watch=Watch(), checkpoint=checkpoint)
    assert not checkpoint.exists()
    publish(home / "made", home / "encoders", "abc")
    return home


def test_the_folder_states_how_pictures_are_to_be_seen(home: Path, configured: EncoderSpec) -> None:
    identity = describe_encoder(tuned_spec(configured, home / "encoders" / "finetuned-abc"))

    assert identity.width == 256
    assert identity.spec["size"] == 48
    assert identity.spec["crop"] == 0.9
    assert identity.spec["mean"] == "0.5,0.5,0.5"
    assert identity.fingerprint != describe_encoder(configured).fingerprint


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_it_loads_through_the_ordinary_slot(home: Path, configured: EncoderSpec, runtime: str) -> None:
    spec = tuned_spec(configured, home / "encoders" / "finetuned-abc").model_copy(update={"runtime": runtime})
    content = coloured(0, 5)
    asked = [Content(sha256_bytes(content), reader(content))]

    (new,) = load_encoder(spec, home / "cache").encode(asked)
    (old,) = load_encoder(configured, home / "cache").encode(asked)

    assert new.vectors.shape == old.vectors.shape == (1, 256)
    assert np.isfinite(new.vectors).all()
    assert not np.allclose(new.vectors, old.vectors)


def test_the_same_photos_give_the_same_bytes(home: Path, configured: EncoderSpec, tmp_path: Path) -> None:
    tune(configured, PHOTOS, [], PARAMS, tmp_path / "again", watch=Watch(), checkpoint=tmp_path / "c")
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (home / "made" / name).read_bytes()


def test_training_takes_no_more_threads_than_the_container_allows_and_gives_them_back(
    configured: EncoderSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, threads = torch.get_num_threads(), []
    monkeypatch.setenv(CORES_VARIABLE, "1")
    watch = Watch(lambda _: threads.append(torch.get_num_threads()))
    torch.set_num_threads(3)
    try:
        tune(configured, PHOTOS, [], PARAMS, tmp_path / "made", watch=watch, checkpoint=tmp_path / "x")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert set(threads) == {1}


def test_a_release_finds_it_beside_its_model_when_the_home_has_lost_it(
    home: Path, configured: EncoderSpec, tmp_path: Path
) -> None:
    place = publish(home / "made", tmp_path / "encoders", "abc")
    identity = describe_encoder(tuned_spec(configured, place))
    assert finetuned_folder(identity) == place
    shutil.copytree(place, tmp_path / "artifacts" / place.name)
    shutil.rmtree(place)

    found = spec_of(identity, tmp_path / "encoders", tmp_path / "artifacts")

    assert found.model == str(tmp_path / "artifacts" / place.name)
    assert describe_encoder(found).fingerprint == identity.fingerprint
    assert spec_of(identity, tmp_path / "nowhere").model == str(place)


def test_a_configured_folder_is_not_taken_for_a_tuned_one(configured: EncoderSpec) -> None:
    assert finetuned_folder(describe_encoder(configured)) is None


@pytest.mark.parametrize(
    "spec", [None, EncoderSpec(modality="image", library="transformers", model="openai/clip")]
)
def test_what_cannot_be_tuned_is_told(spec: EncoderSpec | None) -> None:
    with pytest.raises(ConfigError, match="library timm"):
        require_tunable(spec)
