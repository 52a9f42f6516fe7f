"""A sound in 224 figures: what its spectrum looks like, how it moves, which pitches it holds.

Mel-frequency cepstral coefficients (Davis and Mermelstein, 1980) and the shape of the spectrum, each
summed up over time by mean, spread, quantiles and speed of change.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.media.audio import Samples
from mmsearch_dagster.core.modalities import Matrix

RATE = 16_000
_QUANTILES = (0.1, 0.5, 0.9)
# Whatever changes vectors stands here, or raises `version`.
_RECIPE: Mapping[str, Any] = {
    "version": 1,
    "rate": RATE,
    "n_fft": 1_024,
    "hop_length": 256,
    "n_mels": 64,
    "n_mfcc": 20,
    "n_chroma": 12,
    "quantiles": _QUANTILES,
}
RECIPE_DIGEST = digest_of(_RECIPE)
_SHAPES = 5
_STATISTICS = 5 + len(_QUANTILES)
WIDTH = (_RECIPE["n_mfcc"] + _SHAPES) * _STATISTICS + 2 * _RECIPE["n_chroma"]
# Decibels and hertz to figures of about one, so that no group drowns the others in a cosine.
_CEPSTRUM_UNIT = 50.0
_LOUDNESS_UNIT = 40.0
_QUIETEST = 1e-10
_LOWEST_HERTZ = 20.0
# Savitzky-Golay slope over this many frames (librosa.feature.delta).
_SLOPE_FRAMES = 9


def audio_statistics(samples: Samples) -> Matrix:
    """Statistics of cepstra, spectral shape and chroma over time.

    Args:
        samples: float32 [n] at RATE Hz, n at least `_SLOPE_FRAMES` hops.

    Returns:
        float32 [WIDTH], always finite.
    """
    import librosa

    magnitude = np.abs(
        librosa.stft(samples, n_fft=_RECIPE["n_fft"], hop_length=_RECIPE["hop_length"])
    )  # [bins, t]
    rows = np.concatenate([_cepstrum(magnitude), _shapes(magnitude)])  # [rows, t]
    chroma = librosa.feature.chroma_stft(
        S=magnitude**2, sr=RATE, n_chroma=_RECIPE["n_chroma"], tuning=0.0, norm=1
    )
    parts = [_over_time(rows).ravel(), chroma.mean(axis=1), chroma.std(axis=1)]
    return np.nan_to_num(np.concatenate(parts)).astype(np.float32)


def _cepstrum(magnitude: NDArray[Any]) -> NDArray[Any]:
    """[n_mfcc, t]: coefficients from the second on, the first is loudness once more."""
    import librosa

    mel = librosa.feature.melspectrogram(S=magnitude**2, sr=RATE, n_mels=_RECIPE["n_mels"])
    decibels = librosa.power_to_db(mel, ref=1.0, amin=_QUIETEST, top_db=80.0)
    return librosa.feature.mfcc(S=decibels, n_mfcc=_RECIPE["n_mfcc"] + 1)[1:] / _CEPSTRUM_UNIT


def _shapes(magnitude: NDArray[Any]) -> NDArray[Any]:
    """[_SHAPES, t]: loudness, and where and how wide the spectrum is, in octaves around 1 kHz."""
    from librosa import feature

    loudness = 20 * np.log10(np.maximum(feature.rms(S=magnitude, frame_length=_RECIPE["n_fft"]), 1e-4))
    hertz = (
        feature.spectral_centroid(S=magnitude, sr=RATE),
        feature.spectral_bandwidth(S=magnitude, sr=RATE),
        feature.spectral_rolloff(S=magnitude, sr=RATE),
    )
    octaves = [np.log2(np.maximum(row, _LOWEST_HERTZ) / 1_000.0) for row in hertz]
    flatness = np.log10(np.maximum(feature.spectral_flatness(S=magnitude), _QUIETEST))
    return np.concatenate([loudness / _LOUDNESS_UNIT, *octaves, flatness / 2.0])


def _over_time(rows: NDArray[Any]) -> NDArray[Any]:
    """[rows, _STATISTICS] of [rows, t]."""
    import librosa

    slope = librosa.feature.delta(rows, width=_SLOPE_FRAMES)
    bend = librosa.feature.delta(rows, width=_SLOPE_FRAMES, order=2)
    spread = (rows.std(axis=1), slope.std(axis=1), np.abs(slope).mean(axis=1), bend.std(axis=1))
    quantiles = np.quantile(rows, _QUANTILES, axis=1)
    return np.stack([rows.mean(axis=1), *spread, *quantiles], axis=1)
