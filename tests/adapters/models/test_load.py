"""Encoders on real weights, on small models made here, and on the fake: one contract for all."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mmsearch_dagster.adapters.feature_store.feature_store import text_content
from mmsearch_dagster.adapters.models import runtime as runtimes
from mmsearch_dagster.adapters.models.load import describe_encoder, load_encoder, spec_of
from mmsearch_dagster.adapters.models.locate import locate
from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.protocol import Content, Encoder, EncoderSpec
from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision
from mmsearch_dagster.core.errors import ConfigError, MmsearchError, ReleaseMismatchError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity
from tests.fakes.encoders import FakeEncoder

pytestmark = pytest.mark.slow

TEXT = EncoderSpec(modality="text", library="transformers")
IMAGE = EncoderSpec(modality="image", library="timm")
WORDS = ["red shoe", "blue ceramic cup", "红色连衣裙", "a", "garden hose " * 90, "red shoes for men"]


def picture(seed: int, size: tuple[int, int] = (120, 90)) -> Content:
    buffer = io.BytesIO()
    tile = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(tile).resize(size, Image.Resampling.BICUBIC).save(buffer, "PNG")
    return Content(sha256_bytes(buffer.getvalue()), buffer.getvalue)


def vectors(encoder: Encoder, contents: list[Content]) -> dict[str, Matrix]:
    return {k: v for b in encoder.encode(contents) for k, v in zip(b.keys, b.vectors, strict=True)}


def cosine(one: Matrix, other: Matrix) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def using(spec: EncoderSpec, **changes: Any) -> EncoderSpec:
    return EncoderSpec.model_validate({**spec.model_dump(), **changes})


@pytest.fixture(scope="session")
def encoder_cache(encoders: Path) -> Path:
    return encoders


@pytest.fixture(scope="session")
def embedded(encoder_cache: Path) -> Callable[[str, str], Encoder]:
    loaded: dict[tuple[str, str], Encoder] = {}

    def get(modality: str, runtime: str) -> Encoder:
        if (modality, runtime) not in loaded:
            spec = TEXT if modality == "text" else IMAGE
            loaded[modality, runtime] = load_encoder(using(spec, runtime=runtime), encoder_cache)
        return loaded[modality, runtime]

    return get


@pytest.fixture(params=["fake-text", "fake-image", "text-onnx", "text-torch", "image-onnx", "image-torch"])
def any_encoder(request: pytest.FixtureRequest, embedded: Callable[[str, str], Encoder]) -> Encoder:
    first, second = request.param.split("-")
    return FakeEncoder(second) if first == "fake" else embedded(first, second)


def contents_for(encoder: Encoder) -> list[Content]:
    if encoder.identity.modality == "text":
        return [text_content(word) for word in WORDS]
    return [picture(seed) for seed in range(5)] + [picture(9, (1, 1)), picture(8, (900, 700))]


class TestContract:
    def test_each_content_has_one_vector_of_the_promised_width(self, any_encoder: Encoder) -> None:
        contents = contents_for(any_encoder)
        batches = list(any_encoder.encode(contents))
        assert sorted(key for batch in batches for key in batch.keys) == sorted(c.key for c in contents)
        for batch in batches:
            assert batch.vectors.shape == (len(batch.keys), any_encoder.identity.width)
            assert batch.vectors.dtype == np.float32
            assert np.isfinite(batch.vectors).all()

    def test_a_vector_does_not_depend_on_order_or_company(self, any_encoder: Encoder) -> None:
        contents = contents_for(any_encoder)
        together = vectors(any_encoder, contents)
        backwards = vectors(any_encoder, contents[::-1])
        for content in contents:
            alone = vectors(any_encoder, [content])[content.key]
            assert np.allclose(together[content.key], alone, atol=2e-4)
            assert np.allclose(together[content.key], backwards[content.key], atol=2e-4)

    def test_different_contents_have_different_vectors(self, any_encoder: Encoder) -> None:
        rows = list(vectors(any_encoder, contents_for(any_encoder)).values())
        closest = max(cosine(a, b) for n, a in enumerate(rows) for b in rows[:n])
        assert closest < 0.999

    def test_failures_are_told_and_the_rest_is_encoded(self, any_encoder: Encoder) -> None:
        def gone() -> bytes:
            raise FileNotFoundError("gone")

        bad = [Content("missing", gone), Content(sha256_bytes(b""), lambda: b"")]
        good = contents_for(any_encoder)
        batches = list(any_encoder.encode([*bad, *good]))
        failures = {key: why for batch in batches for key, why in batch.failures.items()}
        assert set(failures) == {content.key for content in bad}
        assert all(failures.values())
        assert sum(len(batch.keys) for batch in batches) == len(good)

    def test_nothing_in_nothing_out(self, any_encoder: Encoder) -> None:
        assert vectors(any_encoder, []) == {}


@pytest.mark.parametrize("modality", ["text", "image"])
def test_onnx_and_torch_agree(modality: str, embedded: Callable[[str, str], Encoder]) -> None:
    onnx, plain = embedded(modality, "onnx"), embedded(modality, "torch")
    assert onnx.identity == plain.identity
    contents = contents_for(onnx)
    one, other = vectors(onnx, contents), vectors(plain, contents)
    assert min(cosine(one[c.key], other[c.key]) for c in contents) > 0.9999


@pytest.mark.parametrize("modality", ["text", "image"])
def test_in_onnx_a_vector_is_the_same_to_the_last_bit_whatever_its_company(
    modality: str, embedded: Callable[[str, str], Encoder]
) -> None:
    encoder = embedded(modality, "onnx")
    contents = contents_for(encoder)
    together = vectors(encoder, contents)
    for content in contents:
        assert vectors(encoder, [content])[content.key].tobytes() == together[content.key].tobytes()


def test_text_vectors_are_those_of_sentence_transformers(embedded: Callable[[str, str], Encoder]) -> None:
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(locate(TEXT)), device="cpu").encode(WORDS)
    found = vectors(embedded("text", "onnx"), [text_content(word) for word in WORDS])
    rows = [cosine(found[text_content(w).key], e) for w, e in zip(WORDS, expected, strict=True)]
    assert min(rows) > 0.9999


def test_text_vectors_know_what_is_alike(embedded: Callable[[str, str], Encoder]) -> None:
    asked = ["crimson sneakers", "red trainers", "frying pan"]
    found = vectors(embedded("text", "onnx"), [text_content(word) for word in asked])
    shoes, same, pan = (found[text_content(word).key] for word in asked)
    assert cosine(shoes, same) > cosine(shoes, pan) + 0.2


class TestDescribe:
    def test_it_imports_no_torch_and_is_what_loading_gives(
        self, embedded: Callable[[str, str], Encoder]
    ) -> None:
        code = (
            "import sys\n"
            "from mmsearch_dagster.adapters.models.load import describe_encoder\n"
            "from mmsearch_dagster.core.encoders.protocol import EncoderSpec\n"
            "for m, l in (('text', 'transformers'), ('image', 'timm')):\n"
            "    print(describe_encoder(EncoderSpec(modality=m, library=l)).fingerprint)\n"
            "print(sorted({'torch', 'timm', 'transformers', 'onnxruntime'} & set(sys.modules)))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        text, image, heavy = done.stdout.split("\n")[:3]
        assert heavy == "[]"
        assert text == embedded("text", "onnx").identity.fingerprint
        assert image == embedded("image", "onnx").identity.fingerprint

    @pytest.mark.parametrize("spec", [TEXT, IMAGE, using(IMAGE, size=160, mean="0.4,0.5,0.6")])
    def test_a_releases_identity_can_be_loaded_again(self, spec: EncoderSpec) -> None:
        identity = describe_encoder(spec)
        stored = EncoderIdentity.model_validate_json(identity.model_dump_json())
        assert describe_encoder(spec_of(stored)) == identity

    def test_the_fingerprint_follows_what_changes_vectors(self) -> None:
        specs = [
            TEXT,
            using(TEXT, max_length=64),
            using(TEXT, pooling="cls"),
            using(TEXT, query_prefix="query: "),
            IMAGE,
            using(IMAGE, size=160),
            using(IMAGE, interpolation="bilinear"),
        ]
        assert len({describe_encoder(spec).fingerprint for spec in specs}) == len(specs)

    def test_the_fingerprint_leaves_out_how_it_is_computed(self) -> None:
        same = [IMAGE, using(IMAGE, runtime="torch"), using(IMAGE, batch_size=3), using(IMAGE, size=224)]
        assert len({describe_encoder(spec).fingerprint for spec in same}) == 1

    def test_an_identity_of_another_version_is_a_mismatch(self) -> None:
        strange = EncoderIdentity(modality="text", fingerprint="f", width=3, spec={"flavour": "new"})
        with pytest.raises(ReleaseMismatchError, match="cannot be loaded by this version"):
            spec_of(strange)


class TestWhatIsNotThere:
    def test_a_hub_id_says_how_to_get_it(self) -> None:
        with pytest.raises(ConfigError, match=r"hf download intfloat/e5-tiny-nowhere"):
            describe_encoder(using(TEXT, model="intfloat/e5-tiny-nowhere"))
        with pytest.raises(ConfigError, match=r"hf download timm/resnet_nowhere"):
            describe_encoder(using(IMAGE, model="resnet_nowhere"))

    def test_a_folder_names_its_neighbour(self, tmp_path: Path) -> None:
        (tmp_path / "minilm-v2").mkdir()
        with pytest.raises(ConfigError, match=r"did you mean .*minilm-v2"):
            describe_encoder(using(TEXT, model=str(tmp_path / "minilm_v2")))

    def test_a_folder_without_a_model_says_what_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"no config\.json"):
            describe_encoder(using(TEXT, model=str(tmp_path)))
        (tmp_path / "config.json").write_text("{}")
        with pytest.raises(ConfigError, match="no weights"):
            describe_encoder(using(TEXT, model=str(tmp_path)))

    def test_no_hub_id_at_all(self) -> None:
        with pytest.raises(ConfigError, match="no folder and no hub id"):
            describe_encoder(using(TEXT, model="what is this??"))

    def test_text_needs_a_length_the_model_reads(self) -> None:
        with pytest.raises(ConfigError, match="reads 512 tokens"):
            describe_encoder(using(TEXT, max_length=513))


class TestOnnxCache:
    def test_the_second_load_needs_no_torch(self, encoder_cache: Path, embedded: Any) -> None:
        embedded("text", "onnx")
        code = (
            "import sys\nfrom pathlib import Path\n"
            "from mmsearch_dagster.adapters.models.load import load_encoder\n"
            "from mmsearch_dagster.adapters.feature_store.feature_store import text_content\n"
            "from mmsearch_dagster.core.encoders.protocol import EncoderSpec\n"
            "e = load_encoder(EncoderSpec(modality='text', library='transformers'), Path(sys.argv[1]))\n"
            "print(sum(len(b.keys) for b in e.encode([text_content('red shoe')])), 'torch' in sys.modules)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(encoder_cache)], capture_output=True, text=True, timeout=60
        )
        assert done.stdout.strip() == "1 False"

    def test_a_broken_file_is_exported_again(self, tmp_path: Path) -> None:
        path = tmp_path / f"{describe_encoder(IMAGE).fingerprint}.onnx"
        path.write_bytes(b"half a graph")
        assert len(vectors(load_encoder(IMAGE, tmp_path), [picture(1)])) == 1
        weights = path.with_suffix(".weights")
        assert weights.stat().st_size > 1_000_000
        assert {file.name for file in tmp_path.iterdir()} - {"digests.json"} == {path.name, weights.name}

    def test_a_graph_stored_whole_is_separated_and_gives_the_same_vectors(
        self, tmp_path: Path, encoder_cache: Path, embedded: Any
    ) -> None:
        expected = vectors(embedded("image", "onnx"), [picture(1)])[picture(1).key]
        name = f"{describe_encoder(IMAGE).fingerprint}.onnx"
        _in_one_file(encoder_cache / name, tmp_path / name)

        for _ in range(2):  # separates it, reads it separated
            found = vectors(load_encoder(IMAGE, tmp_path), [picture(1)])[picture(1).key]
            assert found.tobytes() == expected.tobytes()

        assert (tmp_path / name).with_suffix(".weights").exists()

    def test_a_graph_that_cannot_be_separated_is_read_whole(
        self, tmp_path: Path, encoder_cache: Path, embedded: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError("no space left on device")

        expected = vectors(embedded("image", "onnx"), [picture(1)])[picture(1).key]
        path = tmp_path / f"{describe_encoder(IMAGE).fingerprint}.onnx"
        _in_one_file(encoder_cache / path.name, path)
        monkeypatch.setattr(runtimes, "separate_weights", full)

        found = vectors(load_encoder(IMAGE, tmp_path), [picture(1)])[picture(1).key]

        assert found.tobytes() == expected.tobytes()
        assert not path.with_suffix(".weights").exists()

    def test_what_cannot_be_exported_runs_in_torch(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedded: Callable[[str, str], Encoder]
    ) -> None:
        def refuse(*_: object) -> None:
            raise RuntimeError("operator not supported")

        monkeypatch.setattr(runtimes, "_write_graph", refuse)
        encoder = load_encoder(IMAGE, tmp_path)
        expected = vectors(embedded("image", "onnx"), [picture(1)])[picture(1).key]
        assert cosine(vectors(encoder, [picture(1)])[picture(1).key], expected) > 0.9999
        assert {file.name for file in tmp_path.iterdir()} <= {"digests.json"}
        with pytest.raises(MmsearchError, match="operator not supported"):
            load_encoder(using(IMAGE, runtime="onnx"), tmp_path)

    def test_a_graph_that_differs_from_its_network_is_not_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = runtimes._write_graph

        def sabotage(network: torch.nn.Module, spec: EncoderSpec, path: Path) -> None:
            write(torch.nn.Sequential(network, torch.nn.Flatten(), _Reversed()).eval(), spec, path)

        monkeypatch.setattr(runtimes, "_write_graph", sabotage)
        with pytest.raises(MmsearchError, match="differs from its network"):
            load_encoder(using(IMAGE, runtime="onnx"), tmp_path)
        assert {file.name for file in tmp_path.iterdir()} <= {"digests.json"}


def _in_one_file(separate: Path, whole: Path) -> None:
    """A stored graph as earlier versions stored it."""
    import onnx

    onnx.save(onnx.load(separate), whole)


class _Reversed(torch.nn.Module):
    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return vectors.flip(1)


class TestOtherModels:
    """Small models with random weights, saved as their libraries save them."""

    def test_any_timm_model_with_its_own_preprocessing(self, tmp_path: Path) -> None:
        import_torchvision()
        import timm
        from timm.models import save_for_hf

        torch.manual_seed(0)
        model: Any = timm.create_model("mobilenetv3_small_050", pretrained=False)
        save_for_hf(model, str(tmp_path / "model"), safe_serialization=True)
        spec = EncoderSpec(modality="image", library="timm", model=str(tmp_path / "model"))
        identity = describe_encoder(spec)
        assert (identity.width, identity.spec["mean"]) == (1024, "0.485,0.456,0.406")
        found = {
            runtime: vectors(load_encoder(using(spec, runtime=runtime), tmp_path), [picture(1)])
            for runtime in ("onnx", "torch")
        }
        one, other = (found[runtime][picture(1).key] for runtime in ("onnx", "torch"))
        assert one.shape == (1024,)
        assert cosine(one, other) > 0.9999

    def test_other_weights_are_another_encoder(self, tmp_path: Path) -> None:
        first = _tiny_bert(tmp_path / "bert", seed=0)
        before = describe_encoder(first)
        assert describe_encoder(_tiny_bert(tmp_path / "bert", seed=1)).fingerprint != before.fingerprint

    @pytest.mark.parametrize("pooling", ["mean", "cls"])
    def test_a_transformers_text_folder(self, tmp_path: Path, pooling: str) -> None:
        spec = using(_tiny_bert(tmp_path / "bert", seed=0), pooling=pooling)
        contents = [text_content(word) for word in WORDS]
        one = vectors(load_encoder(using(spec, runtime="onnx"), tmp_path), contents)
        other = vectors(load_encoder(using(spec, runtime="torch"), tmp_path), contents)
        assert min(cosine(one[c.key], other[c.key]) for c in contents) > 0.9999
        assert {v.shape for v in one.values()} == {(describe_encoder(spec).width,)}

    def test_both_towers_of_a_clip_folder(self, tmp_path: Path) -> None:
        folder = _tiny_clip(tmp_path / "clip")
        text = EncoderSpec(modality="text", library="transformers", model=str(folder), max_length=16)
        image = EncoderSpec(modality="image", library="transformers", model=str(folder))
        for spec, contents in (
            (text, [text_content(word) for word in WORDS]),
            (image, [picture(1), picture(2)]),
        ):
            encoder = load_encoder(spec, tmp_path / "cache")
            found = vectors(encoder, contents)
            assert encoder.identity.width == 12
            assert {v.shape for v in found.values()} == {(12,)}
        assert describe_encoder(image).spec["size"] == 30

    def test_a_hub_id_that_was_downloaded_is_found(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from huggingface_hub import constants

        made = locate(_tiny_bert(tmp_path / "bert", seed=0))
        repository = tmp_path / "hub" / "models--somebody--tiny-bert"
        shutil.copytree(made, repository / "snapshots" / "abc")
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("abc")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        identity = describe_encoder(using(TEXT, model="somebody/tiny-bert", max_length=64))
        assert identity.spec["model"] == "somebody/tiny-bert"
        assert identity.width == 16


def _tiny_bert(folder: Path, *, seed: int) -> EncoderSpec:
    import_torchvision()
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    config = BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    shutil.copy(locate(TEXT) / "tokenizer.json", folder)
    return using(TEXT, model=str(folder), max_length=64)


def _tiny_clip(folder: Path) -> Path:
    import_torchvision()
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    small = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "projection_dim": 12,
    }
    text = {**small, "vocab_size": 30_522, "max_position_embeddings": 16, "eos_token_id": 102}
    config = CLIPConfig(
        text_config=text, vision_config={**small, "image_size": 30, "patch_size": 10}, projection_dim=12
    )
    CLIPModel(config).save_pretrained(folder)
    shutil.copy(locate(TEXT) / "tokenizer.json", folder)
    framing = {"size": {"shortest_edge": 30}, "crop_size": {"height": 30, "width": 30}, "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(framing))
    return folder
