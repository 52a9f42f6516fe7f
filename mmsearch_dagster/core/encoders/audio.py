"""Sounds to vectors: by statistics of the spectrum or by a network, one sound at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch
from mmsearch_dagster.core.encoders.threaded import encode_threaded
from mmsearch_dagster.core.media.audio import Samples, open_audio
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity


@dataclass(frozen=True)
class SampleSource:
    """What describes a sound. describe: mono float32 [n] at `rate` Hz to float32 [width].

    threads: how many callers may be inside `describe` at once.
    """

    rate: int
    describe: Callable[[Samples], Matrix]
    threads: int = 1


class AudioEncoder:
    """Any `SampleSource`; of a sound longer than `max_seconds` it gets evenly spaced windows."""

    def __init__(
        self, identity: EncoderIdentity, source: SampleSource, *, max_seconds: float, batch_size: int
    ) -> None:
        self._identity = identity
        self._source = source
        self._max_seconds = max_seconds
        self._batch_size = batch_size

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]:
        """Vectors [k, width] per `batch_size` contents; what is no sound has its reason."""
        return encode_threaded(
            contents,
            self._describe,
            width=self._identity.width,
            threads=self._source.threads,
            batch_size=self._batch_size,
        )

    def _describe(self, raw: bytes) -> Matrix:
        samples = open_audio(raw, self._source.rate, max_seconds=self._max_seconds)
        return self._source.describe(samples)
