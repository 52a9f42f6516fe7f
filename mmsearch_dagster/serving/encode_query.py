"""Prepared queries as the query tower reads them: each modality encoded once, failures by query."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.protocol import Content, Encoder
from mmsearch_dagster.core.errors import OtherEncoderError, ReleaseMismatchError
from mmsearch_dagster.core.media.closer_view import CLOSER, closer_view
from mmsearch_dagster.core.media.images import UnreadableImageError, too_large_to_ask
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, Matrix, ModalityBatch, assemble
from mmsearch_dagster.core.release import EncoderIdentity
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.text_blend import mean_vector


@dataclass(frozen=True)
class EncoderHere:
    """An encoder of this installation that is known by its files; `load` brings its network."""

    identity: EncoderIdentity
    load: Callable[[], Encoder]


EncoderOrLoader = Encoder | EncoderHere


class QueryEncoders:
    """The encoders of one release, by modality; one that is not loaded yet is at its first query.

    Raises OtherEncoderError at once when an encoder is not the one that the release was made with, and
    when another one came to be loaded since.
    """

    def __init__(
        self, identities: Sequence[EncoderIdentity], encoders: Mapping[str, EncoderOrLoader]
    ) -> None:
        self._identities = {identity.modality: identity for identity in identities}
        self._sources = dict(encoders)
        self._loaded: dict[str, Encoder] = {}
        self._lock = threading.Lock()
        for modality, source in encoders.items():
            if modality in self._identities:
                self._check(modality, source.identity)

    def load(self, modality: str) -> Encoder:
        """The release's encoder of that modality, loaded once."""
        with self._lock:
            if modality not in self._loaded:
                source = self._sources[modality]
                encoder = source.load() if isinstance(source, EncoderHere) else source
                self._check(modality, encoder.identity)
                self._loaded[modality] = encoder
            return self._loaded[modality]

    def require(self, widths: Mapping[str, int]) -> None:
        """Raises ReleaseMismatchError unless there is an encoder of that width for each modality."""
        for modality, width in widths.items():
            identity = self._identities.get(modality)
            if identity is None or modality not in self._sources:
                raise ReleaseMismatchError(f"the model reads '{modality}', but no encoder of it was given")
            if identity.width != width:
                raise ReleaseMismatchError(
                    f"the model reads '{modality}' of width {width}, its encoder writes {identity.width}"
                )

    def encode(
        self, queries: Sequence[PreparedQuery], modalities: Sequence[str]
    ) -> tuple[ModalityBatch, dict[int, str]]:
        """Vectors of `q` queries in `modalities`, and row -> reason for what cannot be read."""
        ids = [str(row) for row in range(len(queries))]
        vectors: dict[str, dict[str, Matrix]] = {}
        problems: dict[int, str] = {}
        for modality in modalities:
            encoded, unread = self._read(modality, self._contents(queries, modality))
            vectors[modality] = {ids[row]: vector for row, vector in encoded.items()}
            problems |= unread
        widths = {modality: self._identities[modality].width for modality in modalities}
        return assemble(ids, vectors, widths), problems

    def closer_looks(self, queries: Sequence[PreparedQuery]) -> dict[int, Matrix]:
        """Row -> vector of a closer look at the query's photo, where it has one that can be read."""
        contents: dict[int, dict[bytes, float]] = {}
        for row, query in enumerate(queries):
            if query.image is not None and too_large_to_ask(query.image) is None:
                with suppress(UnreadableImageError):
                    contents[row] = {closer_view(query.image, CLOSER): 1.0}
        return self._read(IMAGE, contents)[0]

    def _contents(self, queries: Sequence[PreparedQuery], modality: str) -> dict[int, dict[bytes, float]]:
        """Row -> what of it is to be encoded, with weights that sum to 1."""
        if modality == IMAGE:
            return {row: {query.image: 1.0} for row, query in enumerate(queries) if query.image is not None}
        if modality == AUDIO:
            return {row: {query.audio: 1.0} for row, query in enumerate(queries) if query.audio is not None}
        if modality == TEXT:
            prefix = str(self._identities[TEXT].spec.get("query_prefix") or "")
            worded = {row: query.text_blend for row, query in enumerate(queries) if query.text is not None}
            return {
                row: {(prefix + text).encode("utf-8"): weight for text, weight in parts.items()}
                for row, parts in worded.items()
            }
        return {}

    def _read(
        self, modality: str, contents: Mapping[int, Mapping[bytes, float]]
    ) -> tuple[dict[int, Matrix], dict[int, str]]:
        """Row -> its vector, or row -> why it has none."""
        keys = {content: sha256_bytes(content) for parts in contents.values() for content in parts}
        encoded, failures = self._encode(modality, {key: content for content, key in keys.items()})
        vectors: dict[int, Matrix] = {}
        problems: dict[int, str] = {}
        for row, parts in contents.items():
            weight_of = {keys[content]: weight for content, weight in parts.items()}
            missing = next((key for key in weight_of if key not in encoded), None)
            if missing is None:
                vectors[row] = mean_vector(encoded, weight_of)
                continue
            name = {IMAGE: "picture", TEXT: "words", AUDIO: "voice"}.get(modality, modality)
            reason = failures.get(missing, "the encoder gave no vector")
            problems[row] = f"the {name} of the query cannot be read: {reason}"
        return vectors, problems

    def _encode(
        self, modality: str, contents: Mapping[str, bytes]
    ) -> tuple[dict[str, Matrix], dict[str, str]]:
        vectors: dict[str, Matrix] = {}
        failures = _too_large(contents) if modality == IMAGE else {}
        readable = [
            Content(key, partial(bytes, content)) for key, content in contents.items() if key not in failures
        ]
        if not readable:
            return vectors, failures
        for batch in self.load(modality).encode(readable):
            vectors.update(zip(batch.keys, batch.vectors, strict=True))
            failures.update(batch.failures)
        return vectors, failures

    def _check(self, modality: str, here: EncoderIdentity) -> None:
        wanted = self._identities[modality]
        if here.fingerprint != wanted.fingerprint:
            raise OtherEncoderError(
                f"the {modality} encoder here is {here.fingerprint}, the release was made with "
                f"{wanted.fingerprint}: install that encoder again, or release anew with this one"
            )


def _too_large(images: Mapping[str, bytes]) -> dict[str, str]:
    reasons = {key: too_large_to_ask(content) for key, content in images.items()}
    return {key: reason for key, reason in reasons.items() if reason is not None}
