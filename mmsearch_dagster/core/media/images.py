"""A file's bytes to an upright RGB picture, or the reason why not in words for a shop's owner."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.core.media.containers import is_sound

MAX_PIXELS = 200_000_000
# Somebody waits for a query, and others behind it: what a phone of 50 megapixels takes (8,192 x 6,144) is
# enough, and rows of one pixel cost like long ones.
MAX_QUERY_PIXELS = 51_000_000
MAX_QUERY_SIDE = 30_000
# How a picture is cut and scaled; part of every fingerprint that depends on it.
FRAMING_RULE = 3
Scaling = Literal["torch", "pillow"]
TORCH: Scaling = "torch"
PILLOW: Scaling = "pillow"
# Pillow would try these and no others: some of its plugins start programs (EPS) or read any text.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM", "ICO")
# Modes whose neighbouring pixels may be averaged (not indices into a palette).
_REDUCIBLE = ("RGB", "RGBA", "L", "LA", "CMYK", "YCbCr")
_LARGE_PIXELS = 25_000_000
# A picture of 200 million pixels takes 800 MB while it is scaled down: one at a time.
_large_picture = threading.Lock()


class UnreadableImageError(UserError):
    """These bytes are no picture we can read; the message is the reason."""


def open_image(content: bytes, *, shown_side: int | None = None) -> Image.Image:
    """Decodes the first frame of an image: upright, RGB, on white where it is transparent.

    Args:
        content: the file's bytes.
        shown_side: the shorter side that is needed, in pixels; a much larger image is scaled down while it is
            read, to no less than twice that.

    Returns:
        The image.

    Raises:
        UnreadableImageError: the message is the reason.
    """
    if not content:
        raise UnreadableImageError("empty file (0 bytes)")
    with _reasons(content):
        # Pillow's own limit is a process-wide setting and warns at less than half of ours.
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS
        with Image.open(BytesIO(content), formats=_formats()) as image:
            _refuse_bomb(image)
            with _large_picture if image.width * image.height > _LARGE_PIXELS else nullcontext():
                return _to_rgb(_loaded(image, shown_side))


def too_large_to_ask(content: bytes) -> str | None:
    """Why the picture of a query is not decoded, by its head; None for one that may be tried."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(BytesIO(content), formats=_formats()) as image:
            width, height = image.size
    except Exception:  # the decoder reports what is wrong with it
        return None
    if width * height <= MAX_QUERY_PIXELS and max(width, height) <= MAX_QUERY_SIDE:
        return None
    return (
        f"picture too large: {width:,} x {height:,} pixels, a query may have {MAX_QUERY_PIXELS:,} and "
        f"{MAX_QUERY_SIDE:,} a side; scale it down"
    )


def prepare_scaling(scaling: Scaling) -> None:
    """Import what `square` scales with: a second or two that belong to loading, not to the first picture."""
    if scaling == TORCH:
        import torch  # noqa: F401


def square(
    image: Image.Image, size: int, crop: float, interpolation: str, *, scaling: Scaling = TORCH
) -> NDArray[np.uint8]:
    """The middle of `image`, `crop` times its shorter side, scaled to uint8 [size, size, 3].

    Scaled to size / crop first and cut then, as networks are evaluated.

    Args:
        image: RGB.
        size: pixels of a side.
        crop: share of the shorter side, 0 to 1.
        interpolation: `bicubic` or `bilinear`, with antialiasing.
        scaling: what does it. Both agree to within two levels of 255. TORCH is several times as fast and
            right for a catalogue; PILLOW needs no import of seconds and is right for the photo of a query.
    """
    side, full = min(image.size), max(size, round(size / crop))
    left, top = (image.width - side) // 2, (image.height - side) // 2
    middle = image.crop((left, top, left + side, top + side))
    start = (full - size) // 2
    if scaling == PILLOW:
        method = Image.Resampling[interpolation.upper()]
        scaled = np.asarray(middle.resize((full, full), method))
        return np.ascontiguousarray(scaled[start : start + size, start : start + size])
    return _scaled_by_torch(np.array(middle), full, interpolation, slice(start, start + size))


def _scaled_by_torch(
    middle: NDArray[np.uint8], full: int, interpolation: str, cut: slice
) -> NDArray[np.uint8]:
    """uint8 [side, side, 3] to [full, full, 3], and of that the `cut` in both directions."""
    import torch

    pixels = torch.from_numpy(middle)[None].permute(0, 3, 1, 2)  # [1, 3, side, side], colours innermost
    scaled = torch.nn.functional.interpolate(pixels, (full, full), mode=interpolation, antialias=True)
    # numpy copies: torch would start threads of its own for that
    return np.ascontiguousarray(scaled[0, :, cut, cut].permute(1, 2, 0).numpy())


@contextmanager
def _reasons(content: bytes) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError(_what_else(content)) from None
    except Image.DecompressionBombError:
        raise UnreadableImageError(_too_large("more than twice as many")) from None
    except Exception as error:  # Pillow's plugins raise whatever a broken file made them trip over
        if "truncated" in str(error).lower() or isinstance(error, EOFError):
            raise UnreadableImageError("truncated: the file ends before the picture does") from None
        raise UnreadableImageError(f"broken picture file ({error or type(error).__name__})") from None


@cache
def _formats() -> tuple[str, ...]:
    """Those of our formats that this build of Pillow can read; photos of an iPhone (HEIF) by a plugin."""
    from pi_heif import register_heif_opener

    register_heif_opener()
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _too_large(pixels: str) -> str:
    return f"picture too large: {pixels} pixels, the limit is {MAX_PIXELS:,}; scale it down"


def _refuse_bomb(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImageError(_too_large(f"{image.width:,} x {image.height:,}"))


def _what_else(content: bytes) -> str:
    head = content[:2048]
    if b"<svg" in head.lower():
        return "an SVG drawing, not a picture of pixels: export it as PNG or JPEG"
    if head.startswith(b"%PDF"):
        return "a PDF document, not a picture: export it as PNG or JPEG"
    if is_sound(head):
        return "a sound, not a picture: in a catalogue name it in audio_uri, in a query send it as audio"
    try:
        head[:1024].decode("utf-8")
    except UnicodeDecodeError:
        return (
            "not a picture in a known format (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC): export it as JPEG"
        )
    return "a text file, not a picture"


def _loaded(image: Image.Image, shown_side: int | None) -> Image.Image:
    """The decoded pixels, upright; large ones scaled down, a JPEG already in its decoder."""
    if shown_side is not None:
        image.draft(None, (2 * shown_side, 2 * shown_side))
    image.load()
    _turn_upright(image)
    factor = min(image.size) // (2 * shown_side) if shown_side else 1
    return image.reduce(factor) if factor > 1 and image.mode in _REDUCIBLE else image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits or more scaled to 8: Pillow's own conversion would clip at 255."""
    grey = np.asarray(image).astype(np.float64)
    grey = np.nan_to_num(grey, nan=0.0, posinf=0.0, neginf=0.0)
    white = 65_535.0 if image.mode != "F" and grey.max() <= 65_535 else max(float(grey.max()), 1.0)
    return Image.fromarray(np.clip(grey / white * 255 + 0.5, 0, 255).astype(np.uint8))


def _turn_upright(image: Image.Image) -> None:
    """Turn it as the camera's EXIF orientation says; a broken EXIF block says nothing."""
    with suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)
