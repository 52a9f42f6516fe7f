"""A file's bytes to mono samples, or the reason why not in words for a shop's owner."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.core.media.containers import AUDIO_MEDIA, open_media

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import InputContainer

Samples = NDArray[np.float32]

# Longer audio is read in this many windows, evenly spaced from its first to its last second.
WINDOWS = 6
MAX_SECONDS = 30.0
# Shorter audio is repeated until it is this long: every model needs a few frames.
MIN_SECONDS = 0.5
_RATES = range(1_000, 768_001)
# Packets looked at for one window, broken ones included: a damaged file must not cost minutes.
_MOST_PACKETS = 20_000
# Quieter than what 16 bits can hold: silence is not made louder.
_SILENCE = 1e-5
# Containers whose header says how long the sound is. Less than this share of it is a cut file.
_EXACT_FORMATS = ("flac", "mov", "aiff")
_WHOLE = 0.9
_SLACK_BYTES = 64
_UNKNOWN_SIZE = 0x7FFF_0000


class UnreadableAudioError(UserError):
    """These bytes are no sound we can read; the message is the reason."""


def open_audio(content: bytes, rate: int, *, max_seconds: float = MAX_SECONDS) -> Samples:
    """Decodes audio to mono samples; the loudest one is scaled to 1.0, silence stays zeros.

    WAV, FLAC, OGG (Vorbis, Opus), MP3, CAF, AMR, and the audio of MP4 or WebM; any rate, any number of
    channels (their mean). A file that is shorter than its header says is refused; where the header says
    nothing (MP3, OGG), it gives what can be read.

    Args:
        content: the file's bytes.
        rate: sample rate of the result in Hz.
        max_seconds: longer audio gives WINDOWS pieces of it, together this long.

    Returns:
        float32 [n]; audio shorter than MIN_SECONDS is repeated.

    Raises:
        UnreadableAudioError: the message is the reason.
    """
    _check_whole(content)
    with open_media(content, AUDIO_MEDIA, UnreadableAudioError) as container:
        if not container.streams.audio:
            raise UnreadableAudioError("no sound in this file, it holds pictures only")
        samples = _decoded(container, rate, max_seconds)
    if not samples.size:
        raise UnreadableAudioError("no sound in this file: it ends before the first sample can be read")
    return _levelled(_long_enough(samples, round(MIN_SECONDS * rate)))


def _check_whole(content: bytes) -> None:
    """Refuses a WAV file whose header promises more sound than there is."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return
    at = 12
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if name == b"data":
            held = len(content) - at - 8
            # A program that writes to a pipe cannot know the size, and puts 0 or a very large one.
            if 0 < held < size - _SLACK_BYTES and size < _UNKNOWN_SIZE:
                raise UnreadableAudioError(_truncated(held / size))
            return
        at += 8 + size + size % 2


def _truncated(share: float) -> str:
    return f"truncated: only {share:.0%} of the sound that the header promises is there; copy the file again"


def _check_length(container: "InputContainer", stream: "AudioStream", seconds: float) -> None:
    """Refuses a decoded sound that is shorter than the stream's own header says."""
    exact = any(name in container.format.name for name in _EXACT_FORMATS)
    if not exact or stream.duration is None or stream.time_base is None:
        return
    promised = float(stream.duration * stream.time_base)
    if promised > 0 and seconds < _WHOLE * promised:
        raise UnreadableAudioError(_truncated(seconds / promised))


def _decoded(container: "InputContainer", rate: int, max_seconds: float) -> Samples:
    """All of a short sound; of a long one evenly spaced windows, found by seeking."""
    stream = container.streams.audio[0]
    if stream.rate not in _RATES:
        raise UnreadableAudioError(f"a sample rate of {stream.rate} Hz; from 1 to 768 kHz can be read")
    length = float(container.duration or 0) / 1e6
    if length > max_seconds:
        window = max_seconds / WINDOWS
        starts = np.linspace(0.0, length - window, WINDOWS)
        pieces = [_window(container, stream, rate, float(start), seconds=window) for start in starts]
        # A header may promise more than there is.
        if all(piece.size for piece in pieces):
            return np.concatenate(pieces)
        _check_length(container, stream, 0.0)
        container.seek(0)
    samples = _window(container, stream, rate, 0.0, seconds=max_seconds)
    if length <= max_seconds:
        _check_length(container, stream, samples.size / rate)
    return samples


def _window(
    container: "InputContainer", stream: "AudioStream", rate: int, start: float, *, seconds: float
) -> Samples:
    """Up to `seconds` of the sound from `start` on; empty when there is nothing there."""
    from av import AudioResampler
    from av.error import FFmpegError

    resampler = AudioResampler(format="flt", layout="mono", rate=rate)
    wanted, read = round(seconds * rate), 0
    parts: list[Samples] = []
    try:
        if start:
            container.seek(round(start * 1e6))
        for frame in _frames(container, stream, start):
            made = [part.to_ndarray()[0] for part in resampler.resample(frame)]
            parts += made
            read += sum(part.size for part in made)
            if read >= wanted:
                break
        else:
            parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    except (FFmpegError, ValueError):  # damaged, or of another format from here on: what was read counts
        if not read and not start:
            raise
    return np.concatenate(parts)[:wanted] if parts else np.zeros(0, dtype=np.float32)


def _frames(container: "InputContainer", stream: "AudioStream", start: float) -> Iterator["AudioFrame"]:
    """Decoded frames that end after `start`; packets that cannot be decoded are passed over."""
    from av.error import FFmpegError

    broken: Exception | None = None
    any_frame = False
    for number, packet in enumerate(container.demux(stream)):
        if number > _MOST_PACKETS:
            return
        try:
            frames = packet.decode()
        except FFmpegError as error:
            broken = error
            continue
        for frame in frames:
            if frame.time is None or frame.time + frame.samples / frame.sample_rate > start:
                any_frame = True
                yield frame
    if broken and not any_frame:
        raise broken


def _long_enough(samples: Samples, least: int) -> Samples:
    return samples if samples.size >= least else np.resize(samples, least)


def _levelled(samples: Samples) -> Samples:
    """Scaled to a peak of 1.0, without offset, infinities (floating-point WAV) as silence."""
    finite = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    finite -= finite.mean()
    peak = np.abs(finite).max()
    return (finite / peak if peak > _SILENCE else np.zeros_like(finite)).astype(np.float32)
