"""Sounds and videos as real bytes, encoded here by PyAV."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

# extension -> container, codec, sample format
_SOUNDS = {
    "wav": ("wav", "pcm_s16le", "s16"),
    "caf": ("caf", "pcm_s16le", "s16"),
    "flac": ("flac", "flac", "s16"),
    "ogg": ("ogg", "vorbis", "fltp"),
    "opus": ("ogg", "libopus", "flt"),
    "mp3": ("mp3", "libmp3lame", "s16p"),
    "m4a": ("mp4", "aac", "fltp"),
}
# extension -> container, codec, pixel format
_VIDEOS = {
    "mp4": ("mp4", "libx264", "yuv420p"),
    "webm": ("webm", "libvpx", "yuv420p"),
    "gif": ("gif", "gif", "rgb8"),
    "avi": ("avi", "mpeg4", "yuv420p"),
}
_BLOCK = 1_024


def tone(hertz: float, seconds: float, rate: int = 16_000) -> NDArray[np.float32]:
    """A sine of half the full height, float32 [n]."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds: float, rate: int = 16_000, seed: int = 0) -> NDArray[np.float32]:
    """White noise, float32 [n]."""
    return (np.random.default_rng(seed).standard_normal(round(seconds * rate)) * 0.2).astype(np.float32)


def clap(times: int = 1, seconds: float = 1.5, rate: int = 16_000, seed: int = 0) -> NDArray[np.float32]:
    """Hands clapped in a quiet room, every 0.4 s: noise that dies away within 20 ms, float32 [n]."""
    length = round(0.1 * rate)
    one = np.random.default_rng(seed).standard_normal(length) * np.exp(-np.arange(length) / (0.02 * rate))
    room = np.zeros(round(seconds * rate), dtype=np.float32)
    for number in range(times):
        start = round((0.2 + 0.4 * number) * rate)
        room[start : start + length] += 0.3 * one[: len(room) - start]
    return np.clip(room, -1, 1)


def hum(hertz: float = 120, seconds: float = 1.5, rate: int = 16_000) -> NDArray[np.float32]:
    """Three harmonics that swell and fade as a hummed note does, float32 [n]."""
    t = np.arange(round(seconds * rate)) / rate
    swell = np.minimum(1, np.minimum(t, seconds - t) / 0.3)
    return (0.3 * swell * sum(np.sin(2 * np.pi * hertz * k * t) / k for k in (1, 2, 3))).astype(np.float32)


def clicks(count: int = 5, seconds: float = 2, rate: int = 16_000) -> NDArray[np.float32]:
    """Single samples in silence, float32 [n]."""
    room = np.zeros(round(seconds * rate), dtype=np.float32)
    room[np.linspace(0.1 * rate, len(room) - 1, count).astype(int)] = 0.9
    return room


def sound_file(
    samples: NDArray[np.float32], extension: str = "wav", rate: int = 16_000, *, channels: int = 1
) -> bytes:
    """The samples [n] on every channel, as a file of that kind."""
    container, codec, sample_format = _SOUNDS[extension]
    buffer = BytesIO()
    with av.open(buffer, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=rate, options={"strict": "experimental"})
        stream.layout, stream.format = {1: "mono", 2: "stereo", 6: "5.1"}[channels], sample_format
        _encode_sound(out, stream, np.tile(samples, (channels, 1)))
    return buffer.getvalue()


def _encode_sound(out: Any, stream: Any, channels: NDArray[np.float32]) -> None:
    convert = av.AudioResampler(
        format=stream.format, layout=stream.layout, rate=stream.rate, frame_size=stream.frame_size or _BLOCK
    )
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), "fltp", stream.layout.name)
    frame.rate = stream.rate
    for part in [*convert.resample(frame), *convert.resample(None)]:
        out.mux(stream.encode(part))
    out.mux(stream.encode(None))


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """One frame of one colour, uint8 [height, width, 3]."""
    return np.full((size[1], size[0], 3), colour, dtype=np.uint8)


def video_file(
    frames: Iterable[NDArray[np.uint8]],
    extension: str = "mp4",
    *,
    fps: int = 10,
    sound: NDArray[np.float32] | None = None,
    gop: int = 10,
    options: dict[str, str] | None = None,
) -> bytes:
    """The frames, uint8 [height, width, 3] each, as a file of that kind; `sound` at 16 kHz beside them."""
    container, codec, pixel_format = _VIDEOS[extension]
    buffer = BytesIO()
    with av.open(buffer, "w", format=container, options=options or {}) as out:
        stream: Any = out.add_stream(codec, rate=fps)
        stream.pix_fmt, stream.gop_size = pixel_format, gop
        heard: Any = out.add_stream("aac", rate=16_000, layout="mono") if sound is not None else None
        for number, pixels in enumerate(frames):
            if not number:
                stream.height, stream.width = pixels.shape[:2]
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        out.mux(stream.encode(None))
        if sound is not None:
            _encode_sound(out, heard, sound[None])
    return buffer.getvalue()
