"""Sounds and videos through their encoders: a vector each, or the reason why not."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.audio import AudioEncoder, SampleSource
from mmsearch_dagster.core.encoders.image import Framing
from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch, Encoder, Forward
from mmsearch_dagster.core.encoders.video import VideoEncoder
from mmsearch_dagster.core.modalities import Matrix, mean_frames
from mmsearch_dagster.core.release import EncoderIdentity
from tests.media import flat, sound_file, tone, video_file

FRAMES = 4


def content(raw: bytes) -> Content:
    return Content(sha256_bytes(raw), lambda: raw)


def identity(modality: str, width: int) -> EncoderIdentity:
    return EncoderIdentity(modality=modality, fingerprint="f", width=width, spec={})


def length_and_peak(samples: np.ndarray) -> Matrix:
    return np.array([samples.size, np.abs(samples).max()], dtype=np.float32)


def mean_colour(pixels: Any) -> Matrix:
    return pixels.reshape(len(pixels), -1, 3).mean(axis=1).astype(np.float32)


def audio(threads: int = 2) -> AudioEncoder:
    hearing = SampleSource(8_000, length_and_peak, threads)
    return AudioEncoder(identity("audio", 2), hearing, max_seconds=2.0, batch_size=3)


def video(threads: int = 1) -> VideoEncoder:
    return VideoEncoder(
        identity("video", FRAMES * 3),
        Framing(16, 0.875, "bicubic"),
        Forward(mean_colour, threads),
        frames=FRAMES,
        batch_size=3,
    )


def gathered(batches: Iterable[EncodedBatch]) -> tuple[dict[str, Matrix], dict[str, str]]:
    done = list(batches)
    vectors = {k: v for b in done for k, v in zip(b.keys, b.vectors, strict=True)}
    return vectors, {key: why for batch in done for key, why in batch.failures.items()}


def test_a_long_sound_is_heard_in_part_and_a_short_one_whole() -> None:
    sounds = [content(sound_file(tone(440, seconds))) for seconds in (1.0, 10.0)]
    vectors, failures = gathered(audio().encode(sounds))
    assert failures == {}
    assert [round(float(vectors[one.key][0]), -2) for one in sounds] == [8_000, 16_000]


@pytest.mark.parametrize("threads", [1, 3])
def test_each_frame_has_its_own_place(threads: int) -> None:
    clip = content(video_file([flat((250, 0, 0))] * 10 + [flat((0, 0, 250))] * 10))
    vectors, _ = gathered(video(threads).encode([clip]))
    frames = vectors[clip.key].reshape(FRAMES, 3)
    assert np.allclose(frames[0], (250, 0, 0), atol=4)
    assert np.allclose(frames[-1], (0, 0, 250), atol=4)


def test_a_video_with_few_frames_leaves_the_last_places_empty() -> None:
    clip = content(video_file([flat((200, 0, 0))] * 2))
    vectors, _ = gathered(video().encode([clip]))
    assert vectors[clip.key].reshape(FRAMES, 3).any(axis=1).tolist() == [True, True, False, False]
    assert np.allclose(mean_frames(vectors[clip.key][None], FRAMES), (200, 0, 0), atol=4)


@pytest.mark.parametrize(
    ("encoder", "good", "words"),
    [
        (audio(), [sound_file(tone(hertz, 0.2)) for hertz in (200, 300, 400, 500)], "not a sound"),
        (video(), [video_file([flat((shade, 0, 0))]) for shade in (10, 90, 170, 250)], "not a video"),
    ],
    ids=["audio", "video"],
)
def test_what_cannot_be_read_is_told_and_stops_nothing(
    encoder: Encoder, good: list[bytes], words: str
) -> None:
    def gone() -> bytes:
        raise FileNotFoundError("gone.bin")

    bad = [content(b""), content(b"words"), Content("missing", gone)]
    batches = list(encoder.encode([*bad, *map(content, good)]))
    vectors, failures = gathered(batches)
    assert set(vectors) == {sha256_bytes(raw) for raw in good}
    assert failures == {
        bad[0].key: "empty file (0 bytes)",
        bad[1].key: f"a text file, {words}",
        "missing": "cannot be read: gone.bin",
    }
    assert [len(batch.keys) + len(batch.failures) for batch in batches] == [3, 3, 1]
    assert all(batch.vectors.shape[1:] == (encoder.identity.width,) for batch in batches)


def test_nothing_in_nothing_out() -> None:
    assert list(audio().encode([])) == []
    assert list(video().encode([])) == []
