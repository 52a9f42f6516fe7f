"""Every kind of sound file a shop uploads: it becomes mono samples, or a reason."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.media.audio import (
    MAX_SECONDS,
    MIN_SECONDS,
    WINDOWS,
    UnreadableAudioError,
    open_audio,
)
from tests.media import flat, noise, sound_file, tone, video_file

FIXTURES = Path(__file__).parents[2] / "fixtures"
RATE = 16_000


def pitch(samples: np.ndarray, rate: int = RATE) -> float:
    """The strongest frequency in Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / samples.size)


def reason(content: bytes) -> str:
    with pytest.raises(UnreadableAudioError) as caught:
        open_audio(content, RATE)
    return str(caught.value)


# FFmpeg's own Vorbis encoder writes stereo only.
@pytest.mark.parametrize(
    ("kind", "channels"),
    [*((kind, n) for kind in ("wav", "caf", "flac", "opus", "mp3", "m4a") for n in (1, 2)), ("ogg", 2)],
)
def test_common_formats_are_read_mono_and_stereo(kind: str, channels: int) -> None:
    found = open_audio(sound_file(tone(440, 1.0, 48_000), kind, 48_000, channels=channels), RATE)
    assert found.dtype == np.float32
    assert found.size == pytest.approx(RATE, rel=0.03)
    assert np.abs(found).max() == pytest.approx(1.0)
    assert pitch(found) == pytest.approx(440, rel=0.01)


def test_the_voice_note_of_an_android_phone_is_read() -> None:
    """AMR narrow band: twenty milliseconds to a frame of 32 bytes; here frames of silence."""
    frame = b"\x3c" + bytes(31)

    assert open_audio(b"#!AMR\n" + 50 * frame, RATE).size == pytest.approx(RATE, rel=0.05)


def test_a_picture_is_no_sound_and_the_reason_says_where_it_belongs() -> None:
    for content in (b"\x89PNG\r\n\x1a\n" + bytes(40), (FIXTURES / "phone-photo.heic").read_bytes()):
        assert "in a query send it as image" in reason(content)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 96_000])
def test_any_rate_is_brought_to_the_one_asked_for(rate: int) -> None:
    content = sound_file(tone(300, 1.0, rate), "wav", rate)
    for wanted in (16_000, 48_000):
        found = open_audio(content, wanted)
        assert found.size == pytest.approx(wanted, abs=wanted // 100)
        assert pitch(found, wanted) == pytest.approx(300, abs=3)


def test_six_channels_are_one() -> None:
    assert pitch(open_audio(sound_file(tone(440, 1.0), "wav", channels=6), RATE)) == pytest.approx(440)


def test_silence_is_a_sound() -> None:
    found = open_audio(sound_file(np.zeros(RATE, np.float32)), RATE)
    assert (found.size, found.any()) == (RATE, False)


def test_fifty_milliseconds_are_repeated_until_they_are_long_enough() -> None:
    found = open_audio(sound_file(tone(440, 0.05)), RATE)
    assert found.size == MIN_SECONDS * RATE
    assert np.array_equal(found[:800], found[800:1_600])


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3"])
@pytest.mark.slow
def test_of_ten_minutes_windows_are_heard(kind: str) -> None:
    rate, minutes = 8_000, 10
    hertz = np.repeat(200.0 + 100 * np.arange(minutes), 60 * rate)
    content = sound_file((0.5 * np.sin(2 * np.pi * np.cumsum(hertz) / rate)).astype(np.float32), kind, rate)
    found = open_audio(content, RATE)
    assert found.size == MAX_SECONDS * RATE
    windows = found.reshape(WINDOWS, -1)
    heard = [round(pitch(window) / 100) * 100 for window in windows]
    assert (heard[0], heard[-1]) == (200, 1_100)
    assert heard == sorted(set(heard))


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_FFFF, 0])
def test_a_header_written_before_the_length_was_known_gives_what_there_is(size: int) -> None:
    content = bytearray(sound_file(tone(440, 2.0)))
    at = content.index(b"data") + 4
    content[at : at + 4] = size.to_bytes(4, "little")
    assert pitch(open_audio(bytes(content), RATE)) == pytest.approx(440, rel=0.02)


@pytest.mark.parametrize("kind", ["wav", "flac"])
@pytest.mark.parametrize("seconds", [2.0, 40.0])
def test_a_sound_that_ends_before_its_header_says_is_refused(kind: str, seconds: float) -> None:
    content = sound_file(tone(440, seconds, 48_000), kind, 48_000)
    assert open_audio(content, RATE).size
    with pytest.raises(UnreadableAudioError, match="truncated"):
        open_audio(content[: len(content) // 2], RATE)


@pytest.mark.parametrize("kind", ["opus", "mp3"])
def test_a_truncated_file_without_a_length_gives_what_can_be_read(kind: str) -> None:
    content = sound_file(tone(440, 2.0, 48_000), kind, 48_000)
    assert pitch(open_audio(content[: len(content) // 2], RATE)) == pytest.approx(440, rel=0.02)


def test_the_sound_of_a_video_is_read() -> None:
    content = video_file([flat((255, 0, 0))] * 10, "mp4", sound=tone(440, 1.0))
    assert pitch(open_audio(content, RATE)) == pytest.approx(440, rel=0.02)


def test_loudness_is_the_microphones_not_the_products() -> None:
    loud, quiet = (open_audio(sound_file(part * noise(1.0)), RATE) for part in (1.0, 0.05))
    assert np.abs(loud - quiet).max() < 0.01


def test_infinite_samples_are_silence() -> None:
    import soundfile

    buffer = BytesIO()
    broken = tone(440, 1.0)
    broken[100], broken[200] = np.inf, np.nan
    soundfile.write(buffer, broken, RATE, "FLOAT", format="WAV")
    assert np.isfinite(open_audio(buffer.getvalue(), RATE)).all()


WAV = sound_file(tone(440, 0.2))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"just some words, saved as sound.wav\n", "a text file"),
        ("声音".encode(), "a text file"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "a text file"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a picture, not a sound"),
        (bytes(range(128, 256)) * 8, "not a sound in a known format"),
        (WAV[:20], "broken sound file"),
        (WAV[: WAV.index(b"data") + 8], "no sound"),
        (WAV[:24] + (1).to_bytes(4, "little") + WAV[28:], "sample rate of 1 Hz"),
        (sound_file(tone(440, 1.0), "m4a")[:2_000], "truncated"),
        (video_file([flat((255, 0, 0))] * 5, "mp4"), "pictures only"),
        (video_file([flat((255, 0, 0))] * 5, "gif"), "not a sound"),
    ],
)
def test_what_is_no_sound_has_a_reason(content: bytes, words: str) -> None:
    assert words in reason(content)


SEEDS = [sound_file(tone(440, 0.2), kind) for kind in ("wav", "flac", "opus", "mp3", "m4a")]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_happens_to_the_bytes_there_are_samples_or_a_reason(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, max(len(content) - 1, 0)))
        content[start : start + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=12))
    del content[data.draw(st.integers(0, len(content))) :]
    try:
        found = open_audio(bytes(content), RATE)
    except UnreadableAudioError:
        return
    assert np.isfinite(found).all()
    assert MIN_SECONDS * RATE <= found.size <= MAX_SECONDS * RATE
