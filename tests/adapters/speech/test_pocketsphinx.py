"""Real speech to words: a small shop's language, several voices, noise, silence, broken files."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmsearch_dagster.adapters.speech.espeak import speak
from mmsearch_dagster.adapters.speech.pocketsphinx import (
    fingerprint_of,
    open_recogniser,
    open_sphinx,
    recorded,
)
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.speech.language import shop_language, spoken_words
from mmsearch_dagster.core.speech.noise import with_noise
from mmsearch_dagster.core.speech.spec import RecogniserSpec
from mmsearch_dagster.core.speech.transcript import NOTHING, Recogniser, word_error_rate
from tests.catalogue_rows import catalogue
from tests.media import clap, clicks, hum, noise, sound_file, tone

pytest.importorskip("espeakng_loader", reason="speech for these tests comes from espeak-ng")

pytestmark = pytest.mark.slow

QUERIES = (
    "red running shoes",
    "blue leather bag",
    "green wool scarf",
    "a black desk lamp",
    "white leather bag",
)
VOICES = (
    ("en-us", 150, 50),
    ("en-us", 125, 35),
    ("en-us+m3", 140, 55),
    ("en-us+f2", 150, 60),
    ("en-gb", 140, 50),
)


@cache
def recogniser() -> Recogniser:
    return open_recogniser(RecogniserSpec(), lambda: shop_language(catalogue(40)))


def heard(samples: NDArray[np.float32]) -> list[str]:
    return list(recogniser().transcribe(samples).words)


@pytest.mark.parametrize(("voice", "rate", "pitch"), VOICES)
def test_clean_speech_comes_out_nearly_word_for_word(voice: str, rate: int, pitch: int) -> None:
    pairs = [(spoken_words(text), heard(speak(text, voice, rate, pitch))) for text in QUERIES]
    assert word_error_rate(pairs) <= 0.2


def test_confidence_falls_with_noise() -> None:
    def mean(snr: float | None) -> float:
        spoken = [speak(text) for text in QUERIES[:3]]
        noisy = spoken if snr is None else [with_noise(one, snr, 1) for one in spoken]
        return float(np.mean([recogniser().transcribe(one).confidence for one in noisy]))

    assert mean(None) > 0.3
    assert mean(None) > mean(0.0)


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.float32), np.zeros(48_000, np.float32), noise(2), tone(440, 2), noise(0.05)]
)
def test_what_is_no_speech_is_not_trusted(samples: NDArray[np.float32]) -> None:
    assert recogniser().transcribe(samples).confidence < 0.1


@pytest.mark.parametrize("sound", [clap(), clap(3), clap(1, 0.6), clicks(), hum(), hum(200)])
def test_sounds_of_which_the_decoder_guesses_nothing_are_heard_all_the_same(
    sound: NDArray[np.float32],
) -> None:
    assert 0 <= recogniser().transcribe(recorded(sound_file(sound))).confidence <= 1


@given(
    pieces=st.lists(
        st.tuples(
            st.sampled_from((clap, hum, clicks)), st.integers(100, 2_000), st.floats(0.0, 1.0, width=32)
        ),
        min_size=1,
        max_size=3,
    )
)
@example(pieces=[(clap, 1_200, 1.0)])
@settings(max_examples=8, deadline=None)
def test_any_sound_is_a_transcript(
    pieces: list[tuple[Callable[..., NDArray[np.float32]], int, float]],
) -> None:
    room = np.concatenate([make(seconds=ms / 1_000 + 0.4) * loud for make, ms, loud in pieces])
    assert 0 <= recogniser().transcribe(room.astype(np.float32)).confidence <= 1


def test_silence_is_nothing() -> None:
    assert recogniser().transcribe(np.zeros(16_000, np.float32)) == NOTHING


def test_the_same_recording_is_heard_the_same_whatever_came_before_and_beside() -> None:
    spoken = [speak(text) for text in QUERIES]
    one_by_one = [recogniser().transcribe(one) for one in spoken]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(recogniser().transcribe, reversed(spoken))) == one_by_one[::-1]


def test_brands_that_no_dictionary_has_are_heard() -> None:
    shop = catalogue(8).with_columns(title=pl.lit("Kestrow hoodie"), brand=pl.lit("Kestrow"))
    assert open_sphinx(shop_language(shop)).transcribe(speak("kestrow hoodie")).text == "kestrow hoodie"


def test_the_fingerprint_names_the_catalogues_language() -> None:
    spec = RecogniserSpec()
    here = fingerprint_of(spec, lambda: shop_language(catalogue(40)))
    assert here == recogniser().fingerprint
    assert here != fingerprint_of(spec, lambda: shop_language(catalogue(3)))


@pytest.mark.parametrize(
    ("extension", "rate", "channels"),
    [("wav", 16_000, 1), ("wav", 44_100, 2), ("flac", 8_000, 1), ("ogg", 48_000, 2), ("mp3", 22_050, 1)],
)
def test_a_recording_of_any_format_and_rate_is_heard(extension: str, rate: int, channels: int) -> None:
    from scipy.signal import resample_poly

    spoken = speak("red running shoes")
    step = int(np.gcd(rate, 16_000))
    samples = resample_poly(spoken, rate // step, 16_000 // step).astype(np.float32)
    file = sound_file(samples, extension, rate, channels=channels)
    assert heard(recorded(file)) == ["red", "running", "shoes"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello, I am a text", "text file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "picture"),
        (sound_file(tone(440, 1))[:30], "cannot be read"),
        (sound_file(noise(600), "flac"), "longer than 60 seconds"),
    ],
)
def test_what_is_no_recording_is_told_in_a_sentence(content: bytes, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        recorded(content)
