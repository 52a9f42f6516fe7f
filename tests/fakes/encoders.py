"""An encoder that needs no weights: its vectors depend on the content's bytes and on nothing else."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity

BROKEN = b"broken"


@dataclass
class FakeEncoder:
    """Deterministic vectors [width] from a hash; contents that begin with `broken` or are empty fail.

    encoded: every key it was asked for, in order, whatever became of it.
    """

    modality: str
    width: int = 8
    version: str = "1"
    batch_size: int = 4
    encoded: list[str] = field(default_factory=list)

    @property
    def identity(self) -> EncoderIdentity:
        facts = {"fake": self.modality, "width": self.width, "version": self.version}
        return EncoderIdentity(
            modality=self.modality, fingerprint=digest_of(facts), width=self.width, spec={"fake": True}
        )

    def encode(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]:
        for start in range(0, len(contents), self.batch_size):
            yield self._encode(contents[start : start + self.batch_size])

    def _encode(self, contents: Sequence[Content]) -> EncodedBatch:
        vectors: dict[str, Matrix] = {}
        failures: dict[str, str] = {}
        for content in contents:
            self.encoded.append(content.key)
            try:
                raw = content.read()
            except OSError as error:
                failures[content.key] = f"cannot be read: {error}"
                continue
            if not raw or raw.startswith(BROKEN):
                failures[content.key] = "broken content"
            else:
                vectors[content.key] = self.vector(raw)
        matrix = np.array(list(vectors.values()), dtype=np.float32).reshape(-1, self.width)
        return EncodedBatch(tuple(vectors), matrix, failures)

    def vector(self, raw: bytes) -> Matrix:
        """What `raw` is encoded to, float32 [width]."""
        seed = int.from_bytes(hashlib.sha256(raw + self.version.encode()).digest()[:8], "big")
        return np.random.default_rng(seed).standard_normal(self.width).astype(np.float32)
