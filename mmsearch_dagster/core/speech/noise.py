"""Steady noise under speech: put there at a known loudness, and taken away again."""

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.speech.transcript import RATE

_FRAME, _STEP = 512, 128
# The quietest fifth of the frames holds noise only; a fifth of all powers of noise (exponentially
# distributed) lie below -ln(0.8) of its mean.
_QUIET = 20
_QUIET_SHARE = -np.log(1 - _QUIET / 100)
_OVERESTIMATED = 1.5
_LEAST_GAIN = 0.2


def with_noise(samples: NDArray[np.float32], snr_db: float, seed: int) -> NDArray[np.float32]:
    """Adds white noise whose power is the speech's divided by 10^(snr_db / 10).

    The power is the mean square over all n samples. Silence stays silent; what leaves [-1, 1] is scaled back
    into it, so that nothing is clipped.

    Args:
        samples: float32 [n].
        snr_db: signal to noise ratio in decibels.
        seed: of the noise.

    Returns:
        float32 [n].
    """
    power = float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0
    scale = np.sqrt(power / 10 ** (snr_db / 10))
    mixed = samples + np.random.default_rng(seed).standard_normal(samples.size) * scale
    peak = float(np.abs(mixed).max(initial=1.0))
    return (mixed / peak).astype(np.float32)


def loudness_range(samples: NDArray[np.float32]) -> float:
    """The difference in loudness between the loud (95th percentile) and the quiet (20th) frames.

    Speech pauses and swells, 30 dB and more in a quiet room; steady noise and tones have hardly any.

    Args:
        samples: float32 [n].

    Returns:
        Decibels.
    """
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    if len(frames) < 2:
        return 0.0
    quiet, loud = np.percentile(np.mean(frames**2, axis=1), (_QUIET, 95)) + 1e-10
    return float(10 * np.log10(loud / quiet))


def without_noise(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtracts steady noise from the power spectrum.

    Boll, Suppression of Acoustic Noise in Speech Using Spectral Subtraction (1979), with an overestimate
    and a floor after Berouti, Schwartz and Makhoul (1979).

    Args:
        samples: float32 [n] at RATE; shorter than one frame: returned unchanged.

    Returns:
        float32 [n].
    """
    from scipy.signal import istft, stft

    if samples.size < 2 * _FRAME:
        return samples
    _, _, spectrum = stft(samples, RATE, nperseg=_FRAME, noverlap=_FRAME - _STEP)
    power = np.abs(spectrum) ** 2
    noise = np.percentile(power, _QUIET, axis=1, keepdims=True) / _QUIET_SHARE
    gain = np.sqrt(np.maximum(1 - _OVERESTIMATED * noise / np.maximum(power, 1e-12), _LEAST_GAIN**2))
    _, cleaned = istft(spectrum * gain, RATE, nperseg=_FRAME, noverlap=_FRAME - _STEP)
    return cleaned[: samples.size].astype(np.float32)
