"""Speech for the sample store: any voice, always the same samples."""

import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest

from mmsearch_dagster.adapters.speech.espeak import RATE, speak
from mmsearch_dagster.core.errors import ConfigError

pytest.importorskip("espeakng_loader", reason="voice queries of the sample store need espeak-ng")


@pytest.mark.parametrize("voice", ["en-us", "en-gb", "en-gb-scotland", "en-us+f3", "cmn"])
def test_words_last_about_a_second_and_are_heard(voice: str) -> None:
    heard = speak("红色运动鞋" if voice == "cmn" else "red running shoes", voice)
    assert heard.dtype == np.float32
    assert 0.6 * RATE < len(heard) < 3 * RATE
    assert 0.1 < np.abs(heard).max() <= 1.0


def test_the_same_words_give_the_same_samples_whatever_was_said_before() -> None:
    before = speak("blue dress", "en-gb", 140, 60)
    speak("something quite different", "en-us+m3", 200, 20)
    assert np.array_equal(speak("blue dress", "en-gb", 140, 60), before)


@pytest.mark.slow
def test_a_breathy_voice_is_the_same_in_another_process() -> None:
    code = (
        "from hashlib import sha256; from mmsearch_dagster.adapters.speech.espeak import speak; "
        "print(sha256(speak('red shoes', 'en-us+f3').tobytes()).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert there.strip() == sha256(speak("red shoes", "en-us+f3").tobytes()).hexdigest()


def test_voice_rate_and_pitch_are_heard() -> None:
    usual = speak("blue dress")
    assert len(speak("blue dress", rate=110)) > len(usual) * 1.2
    assert not np.array_equal(speak("blue dress", pitch=90)[:4000], usual[:4000])
    assert not np.array_equal(speak("blue dress", "en-us+f3")[:4000], usual[:4000])


@pytest.mark.parametrize("text", ["", "   ", "\0", "\ud800", "\U0001f45f" * 50])
def test_odd_texts_are_said_somehow(text: str) -> None:
    assert np.isfinite(speak(text)).all()


def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(ConfigError, match="no voice 'nobody-at-all'"):
        speak("red", "nobody-at-all")
