"""Encoders of sound and video from their configuration: who they are, and that they run."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmsearch_dagster.adapters.models.load import describe_encoder, load_encoder, spec_of
from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.mfcc import WIDTH
from mmsearch_dagster.core.encoders.protocol import Content, EncoderSpec
from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity
from tests.media import flat, noise, sound_file, tone, video_file

pytestmark = pytest.mark.slow

AUDIO = EncoderSpec(modality="audio", library="librosa")
VIDEO = EncoderSpec(modality="video", library="timm", frames=3)


def using(spec: EncoderSpec, **changes: Any) -> EncoderSpec:
    return EncoderSpec.model_validate({**spec.model_dump(), **changes})


def content(raw: bytes) -> Content:
    return Content(sha256_bytes(raw), lambda: raw)


def encoded(spec: EncoderSpec, cache: Path, contents: list[bytes]) -> list[Matrix]:
    """Vectors in the order of `contents`."""
    encoder = load_encoder(spec, cache)
    batches = encoder.encode([content(raw) for raw in contents])
    found = {k: v for b in batches for k, v in zip(b.keys, b.vectors, strict=True)}
    assert {one.shape for one in found.values()} == {(encoder.identity.width,)}
    return [found[sha256_bytes(raw)] for raw in contents]


class TestIdentity:
    @pytest.mark.parametrize("spec", [AUDIO, VIDEO], ids=["audio", "video"])
    def test_a_release_remembers_enough_to_load_it_again(self, spec: EncoderSpec) -> None:
        found = describe_encoder(spec)
        stored = EncoderIdentity.model_validate_json(found.model_dump_json())
        assert describe_encoder(spec_of(stored)) == found

    def test_the_fingerprint_follows_what_changes_vectors(self) -> None:
        specs = [
            AUDIO,
            using(AUDIO, max_seconds=10),
            VIDEO,
            using(VIDEO, frames=4),
            using(VIDEO, size=160),
            VIDEO.of_frames(),
        ]
        assert len({describe_encoder(spec).fingerprint for spec in specs}) == len(specs)
        assert describe_encoder(using(VIDEO, batch_size=2)) == describe_encoder(VIDEO)

    def test_a_videos_width_is_that_of_all_its_frames(self) -> None:
        assert describe_encoder(VIDEO).width == 3 * describe_encoder(VIDEO.of_frames()).width
        assert describe_encoder(AUDIO).width == WIDTH

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"library": "transformers"}, "no embedded weights of an audio model"),
            ({"model": "mfcc-large"}, "has one recipe"),
        ],
    )
    def test_what_cannot_be_is_refused_with_the_way_out(self, changes: dict[str, str], words: str) -> None:
        with pytest.raises(ConfigError, match=words):
            describe_encoder(using(AUDIO, **changes))

    def test_describing_and_loading_import_nothing_heavy(self) -> None:
        code = (
            "import sys\nfrom pathlib import Path\n"
            "from mmsearch_dagster.adapters.models.load import describe_encoder, load_encoder\n"
            "from mmsearch_dagster.core.encoders.protocol import EncoderSpec\n"
            "describe_encoder(EncoderSpec(modality='video', library='timm'))\n"
            "load_encoder(EncoderSpec(modality='audio', library='librosa'), Path('.'))\n"
            "print(sorted({'torch', 'transformers', 'librosa', 'numba', 'av'} & set(sys.modules)))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == "[]", done.stderr


def test_the_embedded_recipe_hears_what_is_alike(tmp_path: Path) -> None:
    sounds = [tone(300, 1.0), tone(310, 1.5), noise(1.0)]
    one, other, hiss = encoded(AUDIO, tmp_path, [sound_file(samples) for samples in sounds])

    def cosine(a: Matrix, b: Matrix) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert cosine(one, other) > cosine(one, hiss) + 0.3


def test_frames_are_read_as_the_picture_encoder_reads_them(tmp_path: Path) -> None:
    from io import BytesIO

    from PIL import Image

    shade = flat((200, 40, 40), (160, 120))
    buffer = BytesIO()
    Image.fromarray(shade).save(buffer, "PNG")
    (video,) = encoded(using(VIDEO, runtime="torch"), tmp_path, [video_file([shade] * 9)])
    (picture,) = encoded(using(VIDEO.of_frames(), runtime="torch"), tmp_path, [buffer.getvalue()])
    for frame in video.reshape(3, -1):
        assert frame @ picture / np.linalg.norm(frame) / np.linalg.norm(picture) > 0.98


SPEECH = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": (8, 8),
    "conv_kernel": (10, 8),
    "conv_stride": (5, 4),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}


def tiny_model(kind: str, folder: Path) -> EncoderSpec:
    """A model with random weights and its feature extractor, saved as transformers saves them."""
    import_torchvision()
    import transformers

    torch.manual_seed(0)
    if kind == "clap":
        tower = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        sound = {
            "patch_embeds_hidden_size": 8,
            "depths": [1, 1],
            "num_attention_heads": [1, 1],
            "hidden_size": 16,
            "num_hidden_layers": 2,
        }
        config = transformers.ClapConfig(
            text_config={**tower, "vocab_size": 40}, audio_config=sound, projection_dim=12
        )
        transformers.ClapModel(config).save_pretrained(folder)
        transformers.ClapFeatureExtractor(truncation="rand_trunc").save_pretrained(folder)
    else:
        family = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert"}[kind]
        config = getattr(transformers, f"{family}Config")(**SPEECH)
        getattr(transformers, f"{family}Model")(config).save_pretrained(folder)
        transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return EncoderSpec(modality="audio", library="transformers", model=str(folder))


@pytest.mark.parametrize(("kind", "width"), [("wav2vec2", 16), ("hubert", 16), ("clap", 12)])
def test_models_of_transformers_hear_short_and_long_sounds(kind: str, width: int, tmp_path: Path) -> None:
    spec = tiny_model(kind, tmp_path / "model")
    sounds = [sound_file(samples) for samples in (tone(440, 0.05), noise(1.0), noise(23.0, seed=1))]
    assert describe_encoder(spec).width == width
    first, again = (encoded(spec, tmp_path, sounds) for _ in range(2))
    assert all(np.isfinite(vector).all() and vector.any() for vector in first)
    assert [one.tobytes() for one in first] == [one.tobytes() for one in again]


def test_another_feature_extractor_is_another_encoder(tmp_path: Path) -> None:
    spec = tiny_model("wav2vec2", tmp_path)
    before = describe_encoder(spec).fingerprint
    settings = tmp_path / "preprocessor_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "do_normalize": False}))
    assert describe_encoder(spec).fingerprint != before
