"""The image encoder's own rules, with a network that answers the mean colour."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.image import Framing, ImageEncoder
from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch, Forward
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity

IDENTITY = EncoderIdentity(modality="image", fingerprint="f", width=3, spec={})


class MeanColour:
    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, pixels: Any) -> Matrix:
        assert pixels.dtype == np.uint8
        self.shapes.append(pixels.shape)
        return pixels.reshape(len(pixels), -1, 3).mean(axis=1).astype(np.float32)


def content(raw: bytes) -> Content:
    return Content(sha256_bytes(raw), lambda: raw)


def picture(shade: int) -> Content:
    buffer = io.BytesIO()
    Image.new("RGB", (30 + shade, 40), (shade, 0, 255)).save(buffer, "PNG")
    return content(buffer.getvalue())


def encoder(network: MeanColour, *, threads: int, batch_size: int = 4) -> ImageEncoder:
    return ImageEncoder(
        IDENTITY, Framing(16, 0.875, "bicubic"), Forward(network, threads), batch_size=batch_size
    )


def gathered(batches: list[EncodedBatch]) -> tuple[dict[str, list[float]], dict[str, str]]:
    vectors = {k: v.tolist() for b in batches for k, v in zip(b.keys, b.vectors, strict=True)}
    return vectors, {key: why for batch in batches for key, why in batch.failures.items()}


@pytest.mark.parametrize("threads", [1, 3])
def test_each_picture_gets_its_own_vector(threads: int) -> None:
    shades = [0, 40, 80, 120, 160, 200, 240]
    vectors, failures = gathered(
        list(encoder(MeanColour(), threads=threads).encode([picture(s) for s in shades]))
    )
    assert failures == {}
    assert [vectors[picture(s).key] for s in shades] == [[s, 0, 255] for s in shades]


def test_a_network_with_one_caller_gets_whole_batches() -> None:
    network = MeanColour()
    list(encoder(network, threads=1).encode([picture(s) for s in range(10)]))
    assert network.shapes == [(4, 16, 16, 3), (4, 16, 16, 3), (2, 16, 16, 3)]


def test_a_network_with_several_callers_gets_one_picture_each() -> None:
    network = MeanColour()
    list(encoder(network, threads=2).encode([picture(s) for s in range(10)]))
    assert network.shapes == [(1, 16, 16, 3)] * 10


@pytest.mark.parametrize("threads", [1, 3])
def test_what_cannot_be_read_is_told_and_stops_nothing(threads: int) -> None:
    def gone() -> bytes:
        raise FileNotFoundError("gone.jpg")

    broken = [content(b""), content(b"words"), Content("missing", gone)]
    vectors, failures = gathered(
        list(encoder(MeanColour(), threads=threads).encode([*broken, picture(9), picture(8)]))
    )
    assert set(vectors) == {picture(9).key, picture(8).key}
    assert failures == {
        broken[0].key: "empty file (0 bytes)",
        broken[1].key: "a text file, not a picture",
        "missing": "cannot be read: gone.jpg",
    }


@pytest.mark.parametrize("threads", [1, 3])
def test_a_catalogue_of_broken_pictures_gives_no_vectors(threads: int) -> None:
    batches = list(
        encoder(MeanColour(), threads=threads).encode([content(b"words %d" % n) for n in range(5)])
    )
    assert [batch.vectors.shape for batch in batches] == [(0, 3), (0, 3)]
    assert len(gathered(batches)[1]) == 5


def test_the_order_asked_in_does_not_matter() -> None:
    def batches(shades: list[int]) -> list[tuple[str, ...]]:
        found = encoder(MeanColour(), threads=1).encode([picture(s) for s in shades])
        return [batch.keys for batch in found]

    assert batches([1, 2, 3, 4, 5, 6]) == batches([6, 4, 2, 5, 3, 1])
