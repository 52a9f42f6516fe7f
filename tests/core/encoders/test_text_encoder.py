"""The text encoder's own rules, with a network that only counts what it is given."""

from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch, Forward
from mmsearch_dagster.core.encoders.text import TextEncoder
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity

IDENTITY = EncoderIdentity(modality="text", fingerprint="f", width=2, spec={})


class Counting:
    """Answers (tokens that count, sum of their ids) per text and remembers the batches' shapes."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, ids: Any, mask: Any) -> Matrix:
        self.shapes.append(ids.shape)
        return np.stack([mask.sum(axis=1), (ids * mask).sum(axis=1)], axis=1).astype(np.float32)


def content(text: str | bytes) -> Content:
    raw = text if isinstance(text, bytes) else text.encode()
    return Content(sha256_bytes(raw), lambda: raw)


def encoder(network: Counting, *, batch_size: int = 64, threads: int = 1) -> TextEncoder:
    words = {f"w{n}": n for n in range(1, 50)}
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, **words}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    return TextEncoder(IDENTITY, tokenizer, Forward(network, threads), batch_size=batch_size)


def gathered(batches: list[EncodedBatch]) -> tuple[dict[str, list[float]], dict[str, str]]:
    vectors = {k: v.tolist() for b in batches for k, v in zip(b.keys, b.vectors, strict=True)}
    return vectors, {key: why for batch in batches for key, why in batch.failures.items()}


def test_each_text_gets_the_vector_of_its_own_tokens() -> None:
    texts = ["w1", "w1 w2 w3", "w4 w5", "w6 w7", "w8 " * 70]
    vectors, failures = gathered(list(encoder(Counting(), threads=3).encode([content(t) for t in texts])))
    assert failures == {}
    assert [vectors[content(t).key] for t in texts] == [[1, 1], [3, 6], [2, 9], [2, 13], [70, 560]]


def test_no_text_is_padded_for_its_neighbours() -> None:
    network = Counting()
    texts = ["w1 " * n for n in (1, 1, 2, 5, 5, 5, 66, 70, 71)]
    list(encoder(network).encode([content(f"{t} w{i}") for i, t in enumerate(texts, start=2)]))
    assert sorted(network.shapes) == [(1, 3), (2, 2), (3, 6), (3, 72)]


def test_a_batch_stays_within_its_size_and_its_tokens() -> None:
    network = Counting()
    texts = [f"w{n % 49 + 1} " * 200 + f"w{n // 49 + 1}" for n in range(60)]
    list(encoder(network, batch_size=40).encode([content(t) for t in texts]))
    assert max(rows * length for rows, length in network.shapes) <= 2_080
    assert sum(rows for rows, _ in network.shapes) == 60
    network.shapes.clear()
    list(encoder(network, batch_size=7).encode([content(f"w{n}") for n in range(1, 40)]))
    assert max(rows for rows, _ in network.shapes) == 7


@pytest.mark.parametrize(
    ("raw", "words"),
    [(b"", "empty"), (b" \n\t ", "empty"), (b"caf\xe9", "not UTF-8 text"), (b"\xed\xa0\x80", "UTF-8")],
)
def test_what_is_no_text_has_a_reason(raw: bytes, words: str) -> None:
    vectors, failures = gathered(list(encoder(Counting()).encode([content(raw), content("w1")])))
    assert words in failures[content(raw).key]
    assert list(vectors) == [content("w1").key]


def test_a_text_that_cannot_be_read_is_that_texts_failure() -> None:
    def gone() -> bytes:
        raise FileNotFoundError("gone.txt")

    vectors, failures = gathered(list(encoder(Counting()).encode([Content("k", gone), content("w1")])))
    assert failures == {"k": "cannot be read: gone.txt"}
    assert len(vectors) == 1


def test_nothing_to_encode_is_no_batch() -> None:
    assert list(encoder(Counting()).encode([])) == []
