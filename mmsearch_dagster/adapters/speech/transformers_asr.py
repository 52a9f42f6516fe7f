"""Recognisers of transformers: Whisper and its like, or wav2vec2 and its like with a CTC head."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.adapters.models.encoder_files import EncoderFiles
from mmsearch_dagster.adapters.models.locate import read_config, weights_sha256
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.modalities import AUDIO
from mmsearch_dagster.core.speech.spec import RecogniserSpec
from mmsearch_dagster.core.speech.transcript import NOTHING, RATE, Recogniser, Transcript
from mmsearch_dagster.core.text.preparation import query_text

Samples = NDArray[np.float32]

_MOST_TOKENS = 96
# A convolution over less than this has no frame.
_FEWEST_SAMPLES = RATE // 10


def _files(spec: RecogniserSpec) -> EncoderFiles:
    return EncoderFiles.of(EncoderSpec(modality=AUDIO, library="transformers", model=spec.model))


def fingerprint(spec: RecogniserSpec) -> str:
    """The recogniser's name from its files alone. Raises ConfigError when they are not on this machine."""
    return _fingerprint(spec, _files(spec))


def _fingerprint(spec: RecogniserSpec, files: EncoderFiles) -> str:
    facts = {"library": spec.library, "version": version(spec.library), "language": spec.language}
    # Not `files.weights`: that counts the feature extractor too, and would be another name for old releases.
    return digest_of({**facts, "weights": weights_sha256(files.path)})


def open_network(spec: RecogniserSpec) -> Recogniser:
    """The model of a folder or of the local hub cache, by what its configuration says it is.

    Raises ConfigError for files that are missing and for a model that does not transcribe.
    """
    files = _files(spec)
    names = " ".join(read_config(files.path).get("architectures") or [])
    kind = _Generating if "ConditionalGeneration" in names or "Seq2Seq" in names else _Aligning
    if kind is _Aligning and "CTC" not in names:
        raise ConfigError(
            f"recogniser '{spec.model}' is a {names or 'model of no known kind'}, not one that turns speech "
            "into text: take Whisper (…ForConditionalGeneration) or wav2vec2 (…ForCTC)"
        )
    return kind(*_loaded(files.path, kind), spec, _fingerprint(spec, files))


def _loaded(folder: Path, kind: type) -> tuple[Any, Any]:
    from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision

    import_torchvision()
    from transformers import AutoModelForCTC, AutoModelForSpeechSeq2Seq, AutoProcessor

    model: Any = AutoModelForSpeechSeq2Seq if kind is _Generating else AutoModelForCTC
    try:
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        return model.from_pretrained(folder, local_files_only=True).eval(), processor
    except (OSError, ValueError, KeyError) as error:
        message = " ".join(str(error).split())[:300]
        raise ConfigError(f"the recogniser in {folder} cannot be loaded: {message}") from error


class _Network:
    """torch runs several callers at once; nothing is kept between calls."""

    def __init__(self, model: Any, processor: Any, spec: RecogniserSpec, fingerprint: str) -> None:
        self._model, self._processor, self._spec = model, processor, spec
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def transcribe(self, samples: Samples) -> Transcript:
        import torch

        if samples.size < _FEWEST_SAMPLES or not np.abs(samples).max() > 0:
            return NOTHING
        inputs = self._processor(samples, sampling_rate=RATE, return_tensors="pt")
        with torch.inference_mode():
            text, confidence = self._read(inputs)
        text = query_text(text)
        return Transcript(text, float(np.clip(confidence, 0.0, 1.0))) if text else NOTHING

    def _read(self, inputs: Any) -> tuple[str, float]:
        raise NotImplementedError


class _Generating(_Network):
    """Confidence: geometric mean of the written tokens' probabilities."""

    def _read(self, inputs: Any) -> tuple[str, float]:
        options = {"language": self._spec.language} if self._spec.language else {}
        made = self._model.generate(
            **inputs,
            **options,
            max_new_tokens=_MOST_TOKENS,
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=True,
        )
        logs = self._model.compute_transition_scores(made.sequences, made.scores, normalize_logits=True)
        text = self._processor.batch_decode(made.sequences, skip_special_tokens=True)[0]
        finite = logs[0][logs[0].isfinite()]
        return text, float(finite.mean().exp()) if finite.numel() else 0.0


class _Aligning(_Network):
    """Confidence: geometric mean of the likeliest symbol's probability where that is not the blank."""

    def _read(self, inputs: Any) -> tuple[str, float]:
        logs = self._model(**inputs).logits[0].log_softmax(-1)
        best, symbols = logs.max(-1)
        text = self._processor.batch_decode(symbols[None])[0]
        written = best[symbols != self._processor.tokenizer.pad_token_id]
        return text.lower(), float(written.mean().exp()) if written.numel() else 0.0
