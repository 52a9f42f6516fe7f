"""Recognisers of transformers from a local folder: a tiny CTC model and a tiny Whisper, random weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from mmsearch_dagster.adapters.speech.pocketsphinx import fingerprint_of, open_recogniser
from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.speech.language import Language
from mmsearch_dagster.core.speech.spec import RecogniserSpec
from mmsearch_dagster.core.speech.transcript import NOTHING
from tests.media import noise

pytestmark = pytest.mark.slow

SPOKEN = noise(1.0)


def no_language() -> Language:
    raise AssertionError("a transformers model brings its own words")


def spec_of(folder: Path) -> RecogniserSpec:
    return RecogniserSpec(library="transformers", model=str(folder))


@pytest.fixture(scope="module")
def aligning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import_torchvision()
    import torch
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    folder = tmp_path_factory.mktemp("ctc")
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefgh"]
    (folder / "vocab.json").write_text(json.dumps({letter: place for place, letter in enumerate(letters)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    Wav2Vec2Processor(Wav2Vec2FeatureExtractor(), tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(letters), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, conv_dim=(16, 16), conv_stride=(20, 16), conv_kernel=(25, 16),
        num_feat_extract_layers=2, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
        pad_token_id=0,
    )  # fmt: skip
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def generating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizerFast,
    )

    folder = tmp_path_factory.mktemp("whisper")
    words = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({word: place for place, word in enumerate(words)}, []))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    tokenizer = WhisperTokenizerFast(tokenizer_object=made)
    WhisperProcessor(WhisperFeatureExtractor(feature_size=16), tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    config = WhisperConfig(
        vocab_size=len(tokenizer), num_mel_bins=16, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        bos_token_id=end, eos_token_id=end, pad_token_id=end, decoder_start_token_id=end,
        suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    WhisperForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.fixture(params=["aligning", "generating"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def test_a_local_model_transcribes_always_the_same(folder: Path) -> None:
    recogniser = open_recogniser(spec_of(folder), no_language)
    first = recogniser.transcribe(SPOKEN)
    assert first.text
    assert 0 < first.confidence <= 1
    assert open_recogniser(spec_of(folder), no_language).transcribe(SPOKEN) == first


def test_silence_and_a_blink_are_nothing(folder: Path) -> None:
    recogniser = open_recogniser(spec_of(folder), no_language)
    for samples in (np.zeros(16_000, np.float32), SPOKEN[:800], SPOKEN[:0]):
        assert recogniser.transcribe(samples) == NOTHING


def test_the_fingerprint_names_the_weights(aligning: Path, generating: Path) -> None:
    one = open_recogniser(spec_of(aligning), no_language)
    assert one.fingerprint == fingerprint_of(spec_of(aligning), no_language)
    assert one.fingerprint != fingerprint_of(spec_of(generating), no_language)


def test_a_model_of_another_kind_and_a_missing_folder_are_told(aligning: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder"):
        open_recogniser(spec_of(tmp_path / "gone"), no_language)
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
    (other / "model.safetensors").write_bytes((aligning / "model.safetensors").read_bytes())
    with pytest.raises(ConfigError, match="BertModel, not one that turns speech into text"):
        open_recogniser(spec_of(other), no_language)
