"""The embedded description of sounds: finite whatever it hears, alike for what sounds alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.encoders.mfcc import RATE, WIDTH, audio_statistics
from mmsearch_dagster.core.media.audio import MIN_SECONDS
from tests.media import noise, tone

pytestmark = pytest.mark.slow  # librosa compiles itself when it is first used


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("samples", [np.zeros(RATE, np.float32), np.ones(RATE, np.float32), tone(440, 0.5)])
def test_it_is_finite_and_never_nothing(samples: np.ndarray) -> None:
    found = audio_statistics(samples)
    assert (found.shape, found.dtype) == ((WIDTH,), np.float32)
    assert np.isfinite(found).all()
    assert np.linalg.norm(found) > 1


def test_the_same_sound_has_the_same_bits() -> None:
    assert audio_statistics(noise(1.0)).tobytes() == audio_statistics(noise(1.0)).tobytes()


def test_alike_sounds_are_closer_than_others() -> None:
    low, also_low, hiss, also_hiss = (
        audio_statistics(one) for one in (tone(220, 1.0), tone(233, 2.0), noise(1.0), noise(2.0, seed=1))
    )
    assert min(cosine(low, also_low), cosine(hiss, also_hiss)) > cosine(low, hiss) + 0.3


def test_pitches_are_told_apart() -> None:
    c, g = audio_statistics(tone(261.6, 1.0)), audio_statistics(tone(392.0, 1.0))
    pitches = slice(-24, -12)
    assert (int(np.argmax(c[pitches])), int(np.argmax(g[pitches]))) == (0, 7)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(round(MIN_SECONDS * RATE), 20_000), st.floats(0, 1))
def test_any_samples_have_a_finite_description(seed: int, count: int, loudness: float) -> None:
    samples = np.random.default_rng(seed).uniform(-loudness, loudness, count).astype(np.float32)
    assert np.isfinite(audio_statistics(samples)).all()
