"""Samples and frames as the bytes of real files, the same on every run."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.adapters.speech.espeak import can_speak, speak
from mmsearch_dagster.core.progress import Progress
from mmsearch_dagster.demo_shop import media
from mmsearch_dagster.demo_shop.catalogue import Item
from mmsearch_dagster.demo_shop.film import Frames
from mmsearch_dagster.demo_shop.queries import DemoQuery
from mmsearch_dagster.demo_shop.sound import RATE
from mmsearch_dagster.demo_shop.spec import StoreSpec

_STAGE = "sample store"
_NOT_MEDIA = b"This file was a recording once.\n"
# suffix -> container, codec, ... Other settings of H.264 gave other bytes from run to run.
_SOUND = {
    "wav": ("wav", "pcm_s16le"),
    "flac": ("flac", "flac"),
    "ogg": ("ogg", "libopus"),
    "mp3": ("mp3", "libmp3lame"),
    "mp4": ("mp4", "aac"),
}
_FILM = {
    "mp4": ("mp4", "libx264", "yuv420p", {"qp": "30", "preset": "ultrafast"}),
    "webm": ("webm", "libvpx", "yuv420p", {"deadline": "realtime", "cpu-used": "8", "crf": "30"}),
    "gif": ("gif", "gif", "rgb8", {}),
}
# No version of the encoder, no time, no random serial number.
_BITEXACT_CONTAINER = {"fflags": "+bitexact"}


def sound_file(samples: NDArray[np.float32], rate: int, suffix: str) -> bytes:
    """Mono [n] or stereo [2, n] samples as a `wav`, `flac`, `ogg` (Opus) or `mp3` file."""
    import av

    container_format, codec = _SOUND[suffix]
    tracks = np.atleast_2d(samples)
    layout = "stereo" if len(tracks) == 2 else "mono"
    pcm = np.clip(np.round(tracks * 32_767), -32_768, 32_767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(pcm.T.reshape(1, -1).copy(), format="s16", layout=layout)
    frame.sample_rate, frame.pts = rate, 0
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format, options=_BITEXACT_CONTAINER) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        _write(container, stream, iter([frame]))
    return buffer.getvalue()


def film_file(frames: Frames, frames_per_second: int, suffix: str) -> bytes:
    """Frames uint8 [n, height, width, 3] as an `mp4` (H.264), `webm` (VP8) or `gif` file."""
    import av

    container_format, codec, pixels, options = _FILM[suffix]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format, options=_BITEXACT_CONTAINER) as container:
        stream: Any = container.add_stream(codec, rate=frames_per_second, options=options)
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], pixels
        _write(container, stream, (av.VideoFrame.from_ndarray(frame, format="rgb24") for frame in frames))
    return buffer.getvalue()


def _write(container: Any, stream: Any, frames: Iterator[Any]) -> None:
    from av.codec.context import Flags

    context = stream.codec_context
    context.flags |= Flags.bitexact
    context.thread_count = 1  # more of them cut the pictures elsewhere
    for frame in frames:
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_media(spec: StoreSpec, items: Sequence[Item], folder: Path, progress: Progress) -> None:
    """The products' sounds and films, a few of them broken."""
    faults = media.planned_media_faults(spec, items)
    with_sound, with_film = [i for i in items if i.sound], [i for i in items if i.film]
    progress.start(_STAGE, len(with_sound) + len(with_film))
    for item in with_sound:
        (folder / item.sound).write_bytes(_sound(spec, item, faults.sounds.get(item.sound, "")))
        progress.advance(_STAGE, 1)
    for item in with_film:
        (folder / item.film).write_bytes(_film(spec, item, faults.films.get(item.film, "")))
        progress.advance(_STAGE, 1)
    progress.finish(_STAGE, f"{len(with_sound)} sounds and {len(with_film)} films made")


def _sound(spec: StoreSpec, item: Item, fault: str) -> bytes:
    if fault == media.NOT_MEDIA:
        return _NOT_MEDIA
    content = sound_file(media.sound_of(spec, item, fault), RATE, Path(item.sound).suffix[1:])
    return content[:30] if fault == media.TRUNCATED else content


def _film(spec: StoreSpec, item: Item, fault: str) -> bytes:
    if fault == media.NO_PICTURE:
        return sound_file(np.zeros(RATE, dtype=np.float32), RATE, "mp4")
    content = film_file(media.film_of(spec, item), spec.media.frames, Path(item.film).suffix[1:])
    return content[: len(content) // 3] if fault == media.TRUNCATED else content


def write_speech(queries: Sequence[DemoQuery], folder: Path, progress: Progress) -> None:
    """The sounds of spoken queries, where there is a synthesiser."""
    spoken = [(query.audio, query.speech) for query in queries if query.speech]
    progress.start(_STAGE, len(spoken))
    for path, speech in spoken:
        samples = speak(speech.words, speech.voice, speech.rate, speech.pitch)
        (folder / path).write_bytes(sound_file(samples, RATE, "wav"))
        progress.advance(_STAGE, 1)
    missing = "no queries spoken: espeakng-loader is not installed"
    progress.finish(_STAGE, f"{len(spoken)} queries spoken" if can_speak() else missing)
