"""The picture encoder from files on disk, beside its own runtime alone and beside a plain torch loop."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsearch_dagster.adapters.feature_store.feature_store import file_content
from mmsearch_dagster.adapters.models.describe import resolve
from mmsearch_dagster.adapters.models.load import describe_encoder, load_encoder
from mmsearch_dagster.adapters.models.locate import locate
from mmsearch_dagster.adapters.models.runtime import start
from mmsearch_dagster.core.encoders.protocol import Encoder, EncoderSpec
from mmsearch_dagster.core.media.images import open_image, square
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.prefetch import ahead
from tests.bench.ratio import Ratio, in_turns, speed

_WARM_UP = 8
_PLAIN_BATCH = 32


def measure(pictures: Sequence[Path], spec: EncoderSpec, cache: Path, *, rounds: int) -> list[Ratio]:
    """Our items/s over the runtime's forward alone, and over PIL then torch."""
    spec = resolve(spec, locate(spec))
    ours, forward = load_encoder(spec, cache), forward_alone(spec, cache, pictures)
    plain = plain_loop(spec)
    encode_pictures(ours, pictures[:_WARM_UP])
    forward()
    plain(pictures[:_WARM_UP])
    seconds = in_turns(
        {
            "ours": lambda: encode_pictures(ours, pictures),
            "forward": forward,
            "plain": lambda: plain(pictures),
        },
        rounds,
    )
    count, note = len(pictures), f"{len(pictures)} pictures"
    return [
        speed(
            "image encoder from disk / same runtime, tensors in memory",
            count,
            seconds["ours"],
            seconds["forward"],
            target=0.85,
            note=note,
        ),
        speed(
            "image encoder from disk / PIL then torch, batch 32",
            count,
            seconds["ours"],
            seconds["plain"],
            target=3.0,
            note=note,
        ),
    ]


def encode_pictures(encoder: Encoder, pictures: Sequence[Path]) -> dict[str, Matrix]:
    """Vectors by content key, reading and hashing the files included as in a run."""
    contents = {content.key: content for content in map(file_content, pictures)}
    return {
        key: vector
        for batch in encoder.encode(list(contents.values()))
        for key, vector in zip(batch.keys, batch.vectors, strict=True)
    }


def forward_alone(spec: EncoderSpec, cache: Path, pictures: Sequence[Path]) -> Callable[[], None]:
    """The encoder's own runtime on pixels already in memory, called the way the encoder calls it."""
    assert spec.size is not None
    assert spec.crop is not None
    framing = (spec.size, spec.crop, spec.interpolation or "bicubic")
    pixels = [square(open_image(path.read_bytes()), *framing)[None] for path in pictures]
    forward = start(spec, describe_encoder(spec), locate(spec), cache)
    if forward.threads > 1:
        depth = 2 * forward.threads
        return lambda: _drain(ahead(forward.run, pixels, threads=forward.threads, depth=depth))
    batches = [
        np.concatenate(pixels[begin : begin + spec.batch_size])
        for begin in range(0, len(pixels), spec.batch_size)
    ]
    return lambda: _drain(map(forward.run, batches))


def _drain(vectors: Iterable[Matrix]) -> None:
    deque(vectors, maxlen=0)


def plain_loop(spec: EncoderSpec) -> Callable[[Sequence[Path]], Matrix]:
    """What one would write first: Pillow, timm's evaluation transform, batches of 32, `no_grad`."""
    import torch
    from PIL import Image

    from mmsearch_dagster.core.encoders.networks import load_network

    backbone: Any = load_network(spec, locate(spec)).backbone
    from timm.data.transforms_factory import create_transform

    assert spec.size is not None
    assert spec.mean is not None
    assert spec.std is not None
    transform: Any = create_transform(
        input_size=(3, spec.size, spec.size),
        mean=spec.mean,
        std=spec.std,
        crop_pct=spec.crop,
        interpolation=spec.interpolation or "bicubic",
        is_training=False,
    )

    def encode(pictures: Sequence[Path]) -> Matrix:
        found = []
        for begin in range(0, len(pictures), _PLAIN_BATCH):
            chosen = pictures[begin : begin + _PLAIN_BATCH]
            batch = torch.stack([transform(Image.open(path).convert("RGB")) for path in chosen])
            with torch.no_grad():
                found.append(backbone(batch).numpy())
        return np.concatenate(found)

    return encode
