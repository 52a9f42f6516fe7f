"""A file's bytes to a few telling frames, or the reason why not in words for a shop's owner.

Candidates are decoded frames, spread evenly: every so many-th frame of a short video, the key frames of
a long one. Of these are taken the first frames of new scenes, and the rest at even distances.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.core.media.containers import VIDEO, open_media

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Raised when other frames of the same bytes are taken: part of a video encoder's fingerprint.
CHOICE_OF_FRAMES = 1
# Candidates per frame that is taken.
_CHOICE = 4
# Up to this many pixels all frames are decoded (480 frames of 720p); beyond, only key frames.
_READ_THROUGH = 450_000_000
_MAX_FRAME_PIXELS = 40_000_000
# Packets without a frame before a damaged file is left alone.
_MOST_PACKETS = 2_000
_SIGNATURE_SIDE = 32
_LEVELS = 8
# Share of the picture's colours that must differ for a new scene.
_NEW_SCENE = 0.35
_ATTACHED_PICTURE = 1 << 10


class UnreadableVideoError(UserError):
    """These bytes are no video we can read; the message is the reason."""


@dataclass(frozen=True)
class _Candidate:
    """seconds: when it is shown. colours: shares of its colours, float64 [3 * _LEVELS], sum 1."""

    seconds: float
    picture: Image.Image
    colours: NDArray[Any]


def open_video(content: bytes, *, frames: int, shown_side: int) -> list[Image.Image]:
    """Decodes some frames of a video (MP4, WebM, GIF and similar formats).

    A truncated file gives the frames that can be read.

    Args:
        content: the file's bytes.
        frames: how many frames at most.
        shown_side: the shorter side that is needed, in pixels; larger frames are scaled down to twice that.

    Returns:
        At least one upright RGB image, in the order they are shown.

    Raises:
        UnreadableVideoError: the message is the reason.
    """
    with open_media(content, VIDEO, UnreadableVideoError) as container:
        seen = _candidates(container, _stream_of(container), frames * _CHOICE, 2 * shown_side)
    if not seen:
        raise UnreadableVideoError("truncated or broken: not one frame of this video can be read")
    return [seen[position].picture for position in choose_frames([each.colours for each in seen], frames)]


def choose_frames(colours: Sequence[NDArray[Any]], count: int) -> list[int]:
    """Chooses frames that show different scenes and are spread over the video.

    At most half of them go to the greatest changes from one candidate to the next (half the L1 distance,
    above _NEW_SCENE); the others are spread evenly, each on the nearest candidate that is still free.

    Args:
        colours: per candidate its colour histogram as shares.
        count: how many frames to choose.

    Returns:
        Positions of at most `count` candidates, ascending.
    """
    total = len(colours)
    if total <= count:
        return list(range(total))
    change = [0.0] + [float(np.abs(b - a).sum() / 2) for a, b in pairwise(colours)]
    by_change = sorted(range(total), key=lambda position: (-change[position], position))
    chosen = {position for position in by_change[: count // 2] if change[position] > _NEW_SCENE}
    rest = count - len(chosen)
    for wanted in (np.arange(rest) + 0.5) * total / rest - 0.5:
        free = [position for position in range(total) if position not in chosen]
        chosen.add(min(free, key=lambda position: (abs(position - wanted), position)))
    return sorted(chosen)


def _stream_of(container: "InputContainer") -> "VideoStream":
    """The first stream of moving pictures; the cover of a song is none."""
    moving = [stream for stream in container.streams.video if not int(stream.disposition) & _ATTACHED_PICTURE]
    if not moving:
        hint = ", it holds sound only: name it in audio_uri" if container.streams.audio else ""
        raise UnreadableVideoError(f"no video stream in this file{hint}")
    stream = moving[0]
    if stream.width * stream.height > _MAX_FRAME_PIXELS:
        raise UnreadableVideoError(
            f"frames too large: {stream.width:,} x {stream.height:,} pixels, the limit is "
            f"{_MAX_FRAME_PIXELS:,}; scale it down"
        )
    # Also for a frame that is larger than the header said.
    stream.codec_context.options = {"max_pixels": str(_MAX_FRAME_PIXELS)}
    stream.thread_type = "SLICE"
    return stream


def _candidates(
    container: "InputContainer", stream: "VideoStream", count: int, side: int
) -> list[_Candidate]:
    length = float(container.duration or 0) / 1e6
    frames = stream.frames or length * float(stream.average_rate or 25)
    if frames * stream.width * stream.height > _READ_THROUGH:
        candidates = _key_frames(container, stream, length, count=count, side=side)
        if len(candidates) > 1:
            return candidates
        container.seek(0)
    return _read_through(stream, _decoded(container, stream), count=count, side=side)


def _key_frames(
    container: "InputContainer", stream: "VideoStream", length: float, *, count: int, side: int
) -> list[_Candidate]:
    """The key frame before each of `count` evenly spaced moments, each once."""
    from av.error import FFmpegError

    candidates: dict[float, _Candidate] = {}
    for moment in (np.arange(count) + 0.5) * length / count:
        try:
            container.seek(round(float(moment) * 1e6))
        except FFmpegError:  # nothing there, or no way to go there
            break
        frame = next(_decoded(container, stream), None)
        if frame is not None and _seconds(frame) not in candidates:
            candidates[_seconds(frame)] = _candidate(frame, side)
    return [candidates[seconds] for seconds in sorted(candidates)]


def _read_through(
    stream: "VideoStream", shown: Iterable["VideoFrame"], *, count: int, side: int
) -> list[_Candidate]:
    """Between `count` and twice as many frames, evenly spaced, of a video whose length nobody need know."""
    most = max(_READ_THROUGH // max(stream.width * stream.height, 1), 2 * count)
    kept: list[_Candidate] = []
    step = 1
    for number, frame in enumerate(shown):
        if number >= most:
            break
        if number % step == 0:
            kept.append(_candidate(frame, side))
        if len(kept) > 2 * count:
            kept, step = kept[::2], 2 * step
    return kept


def _decoded(container: "InputContainer", stream: "VideoStream") -> Iterator["VideoFrame"]:
    """Frames from where the container stands; what is broken is passed over, up to a limit."""
    from av.error import FFmpegError

    barren = 0
    packets = container.demux(stream)
    while barren < _MOST_PACKETS:
        try:
            frames = next(packets).decode()
        except StopIteration:
            return
        except FFmpegError:
            frames = []
        barren = 0 if frames else barren + 1
        yield from frames


def _seconds(frame: "VideoFrame") -> float:
    return float(frame.time or 0.0)


def _candidate(frame: "VideoFrame", side: int) -> _Candidate:
    shrink = min(1.0, side / min(frame.width, frame.height))
    width, height = (max(1, round(length * shrink)) for length in (frame.width, frame.height))
    scaled = frame.to_ndarray(format="rgba", width=width, height=height)
    image = _on_white(Image.fromarray(scaled, "RGBA"))
    if frame.rotation:
        image = image.rotate(frame.rotation, expand=True)
    return _Candidate(_seconds(frame), image, _colours(image))


def _on_white(image: Image.Image) -> Image.Image:
    if image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _colours(image: Image.Image) -> NDArray[Any]:
    """A value between two levels counts for both, or a slow fade would look like a new scene."""
    small = np.asarray(image.resize((_SIGNATURE_SIDE, _SIGNATURE_SIDE), Image.Resampling.BOX))
    levels = np.linspace(0.0, 255.0, _LEVELS)
    distance = np.abs(small.reshape(-1, 3, 1) - levels) / (levels[1] - levels[0])  # [pixels, 3, levels]
    return np.clip(1.0 - distance, 0.0, 1.0).mean(axis=0).ravel() / 3.0
