"""Real files: they decode to what was put in, and are the same bytes every time."""

import io

import av
import numpy as np
import pytest

from mmsearch_dagster.demo_shop.sound import RATE, sounded, voice_of
from mmsearch_dagster.demo_shop.write_media import film_file, sound_file

TONE = sounded("teapot", voice_of("steel", 0.5, 1))


def decoded(content: bytes) -> tuple[np.ndarray, int]:
    """Samples of the first track, and their rate."""
    with av.open(io.BytesIO(content)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono")
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]), frames[0].sample_rate


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_a_sound_is_heard_again(suffix: str) -> None:
    content = sound_file(TONE, RATE, suffix)
    heard, rate = decoded(content)
    assert len(heard) / rate == pytest.approx(1.0, abs=0.15)
    assert np.abs(heard).max() == pytest.approx(0.8, abs=0.15)
    assert sound_file(TONE, RATE, suffix) == content


def test_stereo_keeps_both_sides_apart() -> None:
    content = sound_file(np.stack([TONE, np.zeros_like(TONE)]), RATE, "wav")
    with av.open(io.BytesIO(content)) as container:
        assert container.streams.audio[0].layout.nb_channels == 2
        sides = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1).reshape(-1, 2)
    assert np.allclose(sides[:, 0] / 32_767, TONE, atol=1e-4)
    assert not sides[:, 1].any()


@pytest.mark.parametrize("suffix", ["mp4", "webm", "gif"])
def test_a_film_is_seen_again(suffix: str) -> None:
    ramp = np.linspace(30, 220, 64, dtype=np.uint8)
    frames = np.stack([np.roll(np.tile(ramp, (64, 1)), 6 * n, axis=1) for n in range(8)])
    frames = np.repeat(frames[..., np.newaxis], 3, axis=3)
    content = film_file(frames, 8, suffix)
    with av.open(io.BytesIO(content)) as container:
        seen = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert seen.shape == frames.shape
    assert np.abs(seen.astype(int) - frames).mean() < 25
    assert all(film_file(frames, 8, suffix) == content for _ in range(3))
