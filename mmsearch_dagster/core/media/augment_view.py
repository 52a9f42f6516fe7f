"""A product's own picture as a shopper might have photographed it: training queries nobody had to take."""

import hashlib
from io import BytesIO

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from mmsearch_dagster.core.media.images import open_image

_SIDE = 256
_QUALITY = 85


def photographed(content: bytes, seed: int) -> bytes:
    """Another view of a picture, as JPEG bytes: turned, cropped, lit and coloured a little differently.

    The same content and seed give the same bytes. Raises UnreadableImageError for what is no picture.
    """
    digest = hashlib.sha256(content + seed.to_bytes(8, "big")).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    image = _fitted(open_image(content, shown_side=_SIDE))
    if rng.random() < 0.5:
        image = ImageOps.mirror(image)
    ground = tuple(int(v) for v in rng.integers(60, 230, size=3))
    image = image.rotate(
        float(rng.uniform(-20, 20)), Image.Resampling.BILINEAR, expand=True, fillcolor=ground
    )
    image = _cropped(image, rng)
    for enhancer, spread in (
        (ImageEnhance.Brightness, 0.3),
        (ImageEnhance.Contrast, 0.25),
        (ImageEnhance.Color, 0.2),
    ):
        image = enhancer(image).enhance(float(rng.uniform(1 - spread, 1 + spread)))
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 1.5))))
    out = BytesIO()
    image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _fitted(image: Image.Image) -> Image.Image:
    """Not larger than needed: the encoder looks at 224 pixels."""
    image.thumbnail((_SIDE, _SIDE))
    return image


def _cropped(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    width, height = image.size
    share = float(rng.uniform(0.7, 1.0))
    across, down = max(1, int(width * share)), max(1, int(height * share))
    left, top = int(rng.integers(0, width - across + 1)), int(rng.integers(0, height - down + 1))
    return image.crop((left, top, left + across, top + down))
