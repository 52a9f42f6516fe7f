"""Pictures to vectors: decoded and scaled on threads, ahead of the network or side by side with it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch, Forward
from mmsearch_dagster.core.media.images import (
    TORCH,
    Scaling,
    UnreadableImageError,
    open_image,
    square,
)
from mmsearch_dagster.core.prefetch import ahead
from mmsearch_dagster.core.release import EncoderIdentity

if TYPE_CHECKING:
    from PIL.Image import Image

_DECODING_THREADS = 2


@dataclass(frozen=True)
class Framing:
    """How a picture becomes the network's input, uint8 [size, size, 3]."""

    size: int
    crop: float
    interpolation: str
    scaling: Scaling = TORCH

    def of(self, image: "Image") -> NDArray[np.uint8]:
        """Crops and scales an image as the network reads it.

        Args:
            image: RGB, of any size.

        Returns:
            uint8 [size, size, 3].
        """
        return square(image, self.size, self.crop, self.interpolation, scaling=self.scaling)


@dataclass(frozen=True)
class _Prepared:
    """`array` is a vector [1, width] or, before the network ran, pixels [size, size, 3]."""

    key: str
    array: NDArray[Any] | None
    failure: str = ""


class ImageEncoder:
    """Any network that reads pixels, uint8 [b, size, size, 3], and normalises them itself.

    With a `forward` for several threads each thread decodes one picture and runs the network on it:
    no queue, no waiting, and a vector never depends on its neighbours. Otherwise threads decode
    ahead of the network, at most two batches.
    """

    def __init__(
        self, identity: EncoderIdentity, framing: Framing, forward: Forward, *, batch_size: int
    ) -> None:
        self._identity = identity
        self._framing = framing
        self._forward = forward
        self._batch_size = batch_size

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]:
        """Vectors [k, width] per `batch_size` contents, in order of key whatever order they came in."""
        ordered = sorted(contents, key=lambda content: content.key)
        together = self._forward.threads > 1
        prepared = ahead(
            self._encode_single if together else self._pixels,
            ordered,
            threads=self._forward.threads if together else _DECODING_THREADS,
            depth=2 * self._batch_size,
        )
        for batch in _chunks(prepared, self._batch_size):
            yield self._collect(batch, together=together)

    def _encode_single(self, content: Content) -> _Prepared:
        prepared = self._pixels(content)
        if prepared.array is None:
            return prepared
        return _Prepared(prepared.key, self._forward.run(prepared.array[None]))

    def _pixels(self, content: Content) -> _Prepared:
        framing = self._framing
        try:
            image = open_image(content.read(), shown_side=round(framing.size / framing.crop))
            return _Prepared(content.key, framing.of(image))
        except OSError as error:
            return _Prepared(content.key, None, f"cannot be read: {error}")
        except UnreadableImageError as error:
            return _Prepared(content.key, None, str(error))

    def _collect(self, batch: list[_Prepared], *, together: bool) -> EncodedBatch:
        keys = tuple(prepared.key for prepared in batch if prepared.array is not None)
        arrays = [prepared.array for prepared in batch if prepared.array is not None]
        failures = {prepared.key: prepared.failure for prepared in batch if prepared.array is None}
        if not arrays:
            return EncodedBatch((), np.zeros((0, self._identity.width), dtype=np.float32), failures)
        vectors = np.concatenate(arrays) if together else self._forward.run(np.stack(arrays))
        return EncodedBatch(keys, vectors, failures)


def _chunks(items: Iterable[_Prepared], size: int) -> Iterator[list[_Prepared]]:
    chunk: list[_Prepared] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
