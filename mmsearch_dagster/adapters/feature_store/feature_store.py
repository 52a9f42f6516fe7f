"""Vectors by content: nothing is ever encoded twice.

One folder per encoder fingerprint, holding append-only shards. A shard appears whole or not at all,
so a killed run loses at most one shard of 1,024. One process at a time writes a folder; readers need
no lock.
"""

import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from mmsearch_dagster.adapters.feature_store.feature_shards import (
    Features,
    compact,
    forget,
    read_shards,
    sweep,
    write_shard,
)
from mmsearch_dagster.core.digest import sha256_bytes, sha256_text
from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch, Encoder
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.progress import Progress
from mmsearch_dagster.core.release import EncoderIdentity

_SHARD_ROWS = 1_024


@dataclass(frozen=True)
class FeatureRead:
    """The features of the requested contents.

    vectors: key -> float32 [width]. failures: key -> why it has none. encoded: contents the encoder
    was asked for now. reused: distinct contents known from before. seconds: all of it, loading included.
    """

    vectors: Mapping[str, Matrix]
    failures: Mapping[str, str]
    encoded: int
    reused: int
    seconds: float


def text_content(text: str) -> Content:
    """A text as content, by its UTF-8 bytes."""
    raw = text.encode("utf-8", errors="surrogatepass")
    return Content(sha256_bytes(raw), lambda: raw)


def file_content(path: Path, name: str | None = None) -> Content:
    """A file as content; read now for its key and again when it is encoded, never kept in memory.

    A file that cannot be read is content too. name: what the shop calls it, the same wherever the shop and
    the home lie; its path when None.
    """
    try:
        return Content(sha256_bytes(path.read_bytes()), path.read_bytes)
    except OSError as error:
        why = f"cannot be read: {error.strerror or error}"
        return Content(sha256_text(f"unreadable file {name or path}"), path.read_bytes, missing=why)


class FeatureStore:
    """Feature shards under one root folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def obtain(
        self,
        identity: EncoderIdentity,
        contents: Sequence[Content],
        load: Callable[[], Encoder],
        progress: Progress,
        stage: str,
    ) -> FeatureRead:
        """Vectors of `contents`; `load` is called only when some are missing, and encodes those only.

        Content that cannot be decoded is stored with its reason. Content whose file cannot be
        read, or changed since it was hashed, fails this time only. Raises MmsearchError when `load`
        gives another encoder than `identity`.
        """
        started = time.perf_counter()
        folder, width = self._root / identity.fingerprint, identity.width
        unreadable = {content.key: content.missing for content in contents if content.missing}
        wanted = {content.key: content for content in contents if not content.missing}
        stored = read_shards(folder, width, wanted)
        progress.start(stage, sum(key not in stored for key in wanted))
        fresh = Features()
        if len(stored) < len(wanted):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock"):
                sweep(folder)
                # Another process may have encoded some while this one waited for the lock.
                stored = read_shards(folder, width, wanted)
                missing = [content for key, content in sorted(wanted.items()) if key not in stored]
                for encoded in _encode(folder, identity, missing, load):
                    fresh.update(encoded)
                    progress.advance(stage, len(encoded))
                compact(folder, width)
        read = FeatureRead(
            vectors={**stored.vectors, **fresh.vectors},
            failures={**stored.failures, **fresh.failures, **unreadable},
            encoded=len(fresh),
            reused=len(stored),
            seconds=time.perf_counter() - started,
        )
        summary = f"{read.encoded} encoded, {read.reused} reused, {len(read.failures)} unreadable"
        progress.finish(stage, summary)
        return read

    def encoders(self) -> list[str]:
        """Fingerprints of the encoders that vectors are stored of."""
        return sorted(path.name for path in self._root.glob("*/"))

    def forget_encoder(self, fingerprint: str) -> None:
        """Removes every vector of an encoder."""
        shutil.rmtree(self._root / fingerprint, ignore_errors=True)

    def forget(self, fingerprint: str, keys: Collection[str]) -> None:
        """Removes the vectors of some contents."""
        folder = self._root / fingerprint
        if folder.is_dir():
            with FileLock(folder / ".lock"):
                sweep(folder)
                forget(folder, keys)


class _Reader:
    """Reads one content and notices when the trouble is the file, not what was in it."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self.unreadable = False

    def read(self) -> bytes:
        self.unreadable = True
        raw = self._content.read()
        if sha256_bytes(raw) != self._content.key:
            raise OSError("it changed while this run was reading it")
        self.unreadable = False
        return raw


def _encode(
    folder: Path, identity: EncoderIdentity, missing: Sequence[Content], load: Callable[[], Encoder]
) -> Iterator[Features]:
    """Each batch once encoded, stored shard by shard; an error keeps what was done before it."""
    if not missing:
        return
    encoder = _checked(load(), identity)
    readers = {content.key: _Reader(content) for content in missing}
    pending = Features()
    try:
        for batch in encoder.encode([Content(key, reader.read) for key, reader in readers.items()]):
            features = _sound(batch)
            pending.vectors.update(features.vectors)
            lasting = {key: why for key, why in features.failures.items() if not readers[key].unreadable}
            pending.failures.update(lasting)
            if len(pending) >= _SHARD_ROWS:
                write_shard(folder, pending, identity.width)
                pending = Features()
            yield features
    finally:
        write_shard(folder, pending, identity.width)


def _checked(encoder: Encoder, identity: EncoderIdentity) -> Encoder:
    if encoder.identity.fingerprint != identity.fingerprint:
        raise MmsearchError(
            f"{identity.modality} encoder: asked for {identity.fingerprint}, loaded "
            f"{encoder.identity.fingerprint}: its files changed; run again"
        )
    return encoder


def _sound(batch: EncodedBatch) -> Features:
    """The batch with vectors that are not finite turned into failures."""
    features = Features(failures=dict(batch.failures))
    for key, vector in zip(batch.keys, batch.vectors, strict=True):
        if np.isfinite(vector).all():
            features.vectors[key] = vector
        else:
            features.failures[key] = "the encoder's vector holds infinite numbers"
    return features
