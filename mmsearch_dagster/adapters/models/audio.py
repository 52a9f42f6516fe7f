"""Features of audio: the embedded recipe, or a transformers model with its own feature extractor."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmsearch_dagster.adapters.models.file_digests import FileDigests
from mmsearch_dagster.adapters.models.locate import read_config, weights_sha256
from mmsearch_dagster.core.digest import sha256_text
from mmsearch_dagster.core.encoders import mfcc
from mmsearch_dagster.core.encoders.audio import AudioEncoder, SampleSource
from mmsearch_dagster.core.encoders.protocol import LIBROSA, EncoderSpec
from mmsearch_dagster.core.media.audio import Samples
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity

EXTRACTOR = "preprocessor_config.json"
# Longer audio is encoded piece by piece: attention costs the square of the length, and CLAP would
# cut ten seconds out at random.
_PIECE_SECONDS = 10
# A rest at the end that is shorter than this is left out.
_LEAST_SECONDS = 0.5
_RECIPE_THREADS = 2


def sound_weights(spec: EncoderSpec, files: Path, digests: FileDigests = FileDigests()) -> str:
    """One name for all that decides the vectors of a sound encoder."""
    if spec.library == LIBROSA:
        return mfcc.RECIPE_DIGEST
    extractor = json.dumps(read_config(files, EXTRACTOR), sort_keys=True)
    return sha256_text(f"{weights_sha256(files, digests)} {extractor}")


def load_audio(identity: EncoderIdentity, spec: EncoderSpec, files: Path) -> AudioEncoder:
    """The encoder of a resolved spec, ready to run."""
    if spec.library == LIBROSA:
        source = SampleSource(mfcc.RATE, mfcc.audio_statistics, _RECIPE_THREADS)
    else:
        source = _network(spec, files)
    return AudioEncoder(identity, source, max_seconds=spec.max_seconds, batch_size=spec.batch_size)


def _network(spec: EncoderSpec, files: Path) -> SampleSource:
    import torch

    from mmsearch_dagster.adapters.models.runtime import best_device
    from mmsearch_dagster.core.encoders.networks import load_network

    device = torch.device(best_device())
    network = load_network(spec, files).to(device)
    extractor = _extractor(files)
    rate = int(extractor.sampling_rate)

    def describe(samples: Samples) -> Matrix:
        pieces = _pieces(samples, rate)
        vectors = []
        for piece in pieces:
            inputs = extractor(piece, sampling_rate=rate, return_tensors="pt").to(device)
            inputs.pop("attention_mask", None)  # one piece at a time is never padded
            with torch.inference_mode():
                vectors.append(network(**inputs).float().cpu().numpy()[0])
        lengths = [piece.size for piece in pieces]
        return np.average(vectors, axis=0, weights=lengths).astype(np.float32)

    return SampleSource(rate, describe)


def _pieces(samples: Samples, rate: int) -> list[Samples]:
    pieces = [
        samples[at : at + _PIECE_SECONDS * rate] for at in range(0, samples.size, _PIECE_SECONDS * rate)
    ]
    return [piece for piece in pieces if piece.size >= _LEAST_SECONDS * rate]


def _extractor(files: Path) -> Any:
    from transformers import AutoFeatureExtractor, Wav2Vec2FeatureExtractor

    if not read_config(files, EXTRACTOR):
        return Wav2Vec2FeatureExtractor()
    return AutoFeatureExtractor.from_pretrained(files, local_files_only=True)
