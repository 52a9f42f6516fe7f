"""Videos to vectors: the picture encoder reads some frames, their vectors stand side by side.

How much each frame counts is not decided here: the fusion model learns it (core.fusion.frame_pooling).
"""

import threading
from collections.abc import Iterator, Sequence

import numpy as np

from mmsearch_dagster.core.encoders.image import Framing
from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch, Forward
from mmsearch_dagster.core.encoders.threaded import encode_threaded
from mmsearch_dagster.core.media.video import open_video
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity

_DECODING_THREADS = 2


class VideoEncoder:
    """A picture network over `frames` frames; `identity.width` is `frames` times its width.

    A video with fewer frames leaves the last places zero, which means: no frame.
    """

    def __init__(
        self,
        identity: EncoderIdentity,
        framing: Framing,
        forward: Forward,
        *,
        frames: int,
        batch_size: int,
    ) -> None:
        self._identity = identity
        self._framing = framing
        self._forward = forward
        self._frames = frames
        self._batch_size = batch_size
        self._single_caller = threading.Lock()

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]:
        """Vectors [k, frames * d] per `batch_size` contents; what is no video has its reason."""
        return encode_threaded(
            contents,
            self._describe,
            width=self._identity.width,
            threads=max(self._forward.threads, _DECODING_THREADS),
            batch_size=self._batch_size,
        )

    def _describe(self, raw: bytes) -> Matrix:
        framing = self._framing
        shown = open_video(raw, frames=self._frames, shown_side=round(framing.size / framing.crop))
        pixels = np.stack([framing.of(frame) for frame in shown])  # [k, size, size, 3]
        vectors = np.zeros((self._frames, self._identity.width // self._frames), dtype=np.float32)
        vectors[: len(pixels)] = self._run(pixels)
        return vectors.ravel()

    def _run(self, pixels: np.ndarray) -> Matrix:
        if self._forward.threads > 1:  # such a network reads one picture at a time
            return np.concatenate([self._forward.run(image[None]) for image in pixels])
        with self._single_caller:
            return self._forward.run(pixels)
