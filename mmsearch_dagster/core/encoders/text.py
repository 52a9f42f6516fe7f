"""Texts to vectors: tokenised, grouped by length, a token budget per batch.

Texts of one length share a batch, so nothing is padded for its neighbours' sake. That is as fast as
the network goes, and a text's vector does not depend on which texts it was encoded with: an
interrupted run that encodes the rest later ends with the same bits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch, Forward
from mmsearch_dagster.core.prefetch import ahead
from mmsearch_dagster.core.release import EncoderIdentity

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Tokenised at once: bounds memory on a catalogue of millions, long enough to fill groups by length.
_WINDOW = 16_384
_TOKENS_PER_BATCH = 2_048
# Longer texts are rare and their lengths many: they are padded up to a multiple of this.
_STEP = 8
_EXACT_UP_TO = 64
# So few texts are queries that are answered together: threads for them cost more than they bring.
_FEW = 16


@dataclass(frozen=True)
class _Tokens:
    key: str
    ids: list[int]

    @property
    def padded(self) -> int:
        """Length in the batch: a function of this text alone."""
        length = len(self.ids)
        return length if length <= _EXACT_UP_TO else -(-length // _STEP) * _STEP


class TextEncoder:
    """Any tokenizer and network that read `input_ids` and `attention_mask` [b, length]."""

    def __init__(
        self, identity: EncoderIdentity, tokenizer: "Tokenizer", forward: Forward, *, batch_size: int
    ) -> None:
        self._identity = identity
        self._tokenizer = tokenizer
        self._forward = forward
        self._batch_size = batch_size

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]:
        """Vectors [k, width] per batch of texts of one length, shortest first."""
        for start in range(0, len(contents), _WINDOW):
            yield from self._encode_window(contents[start : start + _WINDOW])

    def _encode_window(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]:
        texts, failures = read_texts(contents)
        if failures:
            empty = np.zeros((0, self._identity.width), dtype=np.float32)
            yield EncodedBatch((), empty, failures)
        encodings = self._tokenizer.encode_batch(list(texts.values()))
        tokens = [_Tokens(key, encoding.ids) for key, encoding in zip(texts, encodings, strict=True)]
        threads = self._forward.threads if len(tokens) > _FEW else 1
        yield from ahead(self._run, self._batches(tokens), threads=threads, depth=2 * threads)

    def _batches(self, tokens: list[_Tokens]) -> Iterator[list[_Tokens]]:
        ordered = sorted(tokens, key=lambda text: (text.padded, text.key))
        for length, group in groupby(ordered, key=lambda text: text.padded):
            same_length = list(group)
            count = max(1, min(self._batch_size, _TOKENS_PER_BATCH // max(1, length)))
            for start in range(0, len(same_length), count):
                yield same_length[start : start + count]

    def _run(self, batch: list[_Tokens]) -> EncodedBatch:
        ids, mask = _pad(batch)
        return EncodedBatch(tuple(text.key for text in batch), self._forward.run(ids, mask))


def read_texts(contents: Sequence[Content]) -> tuple[dict[str, str], dict[str, str]]:
    """Texts by content key, and reasons by the key of what is no text."""
    texts: dict[str, str] = {}
    failures: dict[str, str] = {}
    for content in contents:
        try:
            text = content.read().decode("utf-8")
        except OSError as error:
            failures[content.key] = f"cannot be read: {error}"
        except UnicodeDecodeError as error:
            failures[content.key] = f"not UTF-8 text: {error.reason} at byte {error.start}"
        else:
            if text.strip():
                texts[content.key] = text
            else:
                failures[content.key] = "empty text"
    return texts, failures


def _pad(batch: list[_Tokens]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`input_ids` and `attention_mask`, int64 [b, length]; masked positions hold id 0."""
    ids = np.zeros((len(batch), batch[0].padded), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(batch):
        ids[row, : len(text.ids)] = text.ids
        mask[row, : len(text.ids)] = 1
    return ids, mask
