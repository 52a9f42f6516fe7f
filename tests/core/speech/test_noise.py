"""Noise put under speech and taken away again."""

import numpy as np
import pytest

from mmsearch_dagster.core.speech.noise import loudness_range, with_noise, without_noise
from tests.media import noise, tone

BURSTS = np.concatenate([np.zeros(8_000, np.float32), tone(440, 0.5), np.zeros(8_000, np.float32)])


@pytest.mark.parametrize("snr", [20.0, 10.0, 0.0, -5.0])
def test_noise_has_the_asked_power(snr: float) -> None:
    mixed = with_noise(BURSTS, snr, seed=1)
    # In the pauses there is noise only; what left [-1, 1] was scaled back, speech and noise alike.
    scale = (mixed @ BURSTS) / (BURSTS @ BURSTS)
    found = 10 * np.log10(np.mean(BURSTS**2) * scale**2 / np.mean(mixed[:8_000] ** 2))
    assert found == pytest.approx(snr, abs=0.3)
    assert np.abs(mixed).max() <= 1.0


def test_the_same_seed_is_the_same_noise_and_silence_stays_silent() -> None:
    assert np.array_equal(with_noise(BURSTS, 10, 3), with_noise(BURSTS, 10, 3))
    assert not np.array_equal(with_noise(BURSTS, 10, 3), with_noise(BURSTS, 10, 4))
    assert not with_noise(np.zeros(100, np.float32), 10, 3).any()
    assert with_noise(np.zeros(0, np.float32), 10, 3).size == 0


def test_steady_noise_is_subtracted_and_the_sound_stays() -> None:
    noisy = with_noise(BURSTS, 10, seed=2)
    cleaned = without_noise(noisy)
    pause, sound = slice(1_000, 7_000), slice(9_000, 15_000)
    assert np.mean(cleaned[pause] ** 2) < 0.25 * np.mean(noisy[pause] ** 2)
    assert np.mean(cleaned[sound] ** 2) > 0.5 * np.mean(BURSTS[sound] ** 2)
    assert cleaned.shape == noisy.shape


@pytest.mark.parametrize("length", [0, 1, 511, 1023, 1024, 5000])
def test_any_length_keeps_its_length(length: int) -> None:
    assert without_noise(noise(1)[:length]).shape == (length,)
    assert np.isfinite(without_noise(np.zeros(length, np.float32))).all()


def test_speech_swells_and_steady_sounds_do_not() -> None:
    assert loudness_range(BURSTS) > 30
    assert loudness_range(noise(2)) < 3
    assert loudness_range(tone(440, 2)) < 1
    assert loudness_range(np.zeros(0, np.float32)) == 0.0
