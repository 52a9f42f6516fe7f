"""Every kind of file a shop uploads: it becomes an upright RGB picture, or a reason."""

import io
import resource
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmsearch_dagster.core.media import images
from mmsearch_dagster.core.media.images import PILLOW, TORCH, UnreadableImageError, open_image, square

FIXTURES = Path(__file__).parents[2] / "fixtures"
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def saved(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def quarters(width: int = 40, height: int = 40) -> Image.Image:
    """Red above green on the left, blue above white on the right."""
    picture = Image.new("RGB", (width, height), RED)
    half = (width // 2, height // 2)
    picture.paste(GREEN, (0, half[1], half[0], height))
    picture.paste(BLUE, (half[0], 0, width, half[1]))
    picture.paste(WHITE, (*half, width, height))
    return picture


def corners(picture: Image.Image) -> list[tuple[int, ...]]:
    right, bottom = picture.width - 1, picture.height - 1
    spots = [(0, 0), (right, 0), (0, bottom), (right, bottom)]
    pixels = [picture.getpixel(spot) for spot in spots]
    return [tuple(round(v / 255) * 255 for v in pixel) for pixel in pixels]  # type: ignore[union-attr]


def reason(content: bytes) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        open_image(content, shown_side=256)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF"])
def test_common_formats_are_read(kind: str) -> None:
    options = {"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}
    found = open_image(saved(quarters(), kind, **options))
    assert found.mode == "RGB"
    assert corners(found) == [RED, BLUE, GREEN, WHITE]


def test_a_photo_of_an_iphone_is_read_upright() -> None:
    """The camera was held upright: orientation 6."""
    found = open_image((FIXTURES / "phone-photo.heic").read_bytes())
    assert (found.mode, found.size) == ("RGB", (64, 64))
    assert corners(found) == [RED, BLUE, GREEN, WHITE]


def test_a_sound_is_no_picture_and_is_named() -> None:
    assert "send it as audio" in reason(b"RIFF\x24\0\0\0WAVEfmt \xff\xfe")


def test_cmyk_becomes_rgb() -> None:
    cmyk = Image.new("CMYK", (20, 20), (0, 255, 255, 0))
    found = open_image(saved(cmyk, "JPEG"))
    assert found.mode == "RGB"
    red, green, blue = found.getpixel((5, 5))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 60


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65_535, 256, dtype=np.uint16).reshape(1, 256).repeat(2, axis=0)
    found = np.asarray(open_image(saved(Image.fromarray(ramp))))
    assert np.abs(found[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_sixteen_bit_colour_is_read() -> None:
    assert open_image(_png_of_sixteen_bit_rgb((65_535, 0, 32_768))).getpixel((0, 0)) == (255, 0, 128)


def test_floating_point_tiff_is_scaled_and_survives_nan() -> None:
    values = np.array([[0.0, 10.0], [20.0, np.nan]], dtype=np.float32)
    found = np.asarray(open_image(saved(Image.fromarray(values), "TIFF")))[..., 0]
    assert found.tolist() == [[0, 128], [255, 0]]


def test_what_is_transparent_lies_on_white() -> None:
    picture = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    picture.putpixel((0, 0), (255, 0, 0, 255))
    found = open_image(saved(picture))
    assert found.getpixel((0, 0)) == RED
    assert found.getpixel((3, 3)) == WHITE


def test_palette_with_transparency_lies_on_white() -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 255, 255, 0, 0])
    picture.putpixel((0, 0), 0)
    found = open_image(saved(picture, transparency=1))
    assert found.getpixel((0, 0)) == BLUE
    assert found.getpixel((3, 3)) == WHITE


def test_grey_with_alpha_and_one_bit_are_read() -> None:
    assert open_image(saved(Image.new("LA", (3, 3), (0, 128)))).getpixel((1, 1)) == (127, 127, 127)
    assert open_image(saved(Image.new("1", (3, 3), 1))).getpixel((1, 1)) == WHITE


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, **options)
    assert open_image(content).getpixel((4, 4)) == RED


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [RED, BLUE, GREEN, WHITE]),
        (2, [BLUE, RED, WHITE, GREEN]),
        (3, [WHITE, GREEN, BLUE, RED]),
        (6, [GREEN, RED, WHITE, BLUE]),
        (8, [BLUE, WHITE, RED, GREEN]),
    ],
)
def test_the_cameras_orientation_is_applied(orientation: int, expected: list[tuple[int, ...]]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = open_image(saved(quarters(40, 24), "JPEG", quality=95, exif=exif))
    assert corners(found) == expected
    assert found.size == ((24, 40) if orientation >= 5 else (40, 24))


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
def test_a_broken_exif_block_says_nothing(exif: bytes) -> None:
    assert corners(open_image(saved(quarters(), "JPEG", quality=95, exif=exif))) == [
        RED,
        BLUE,
        GREEN,
        WHITE,
    ]


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "RGBA", "P"])
def test_one_pixel_is_a_picture(mode: str) -> None:
    found = open_image(saved(Image.new(mode, (1, 1))), shown_side=256)
    assert square(found, 224, 0.875, "bicubic").shape == (224, 224, 3)


def test_a_long_thin_picture_is_read() -> None:
    found = open_image(saved(Image.new("RGB", (12_000, 1), GREEN)), shown_side=256)
    assert (square(found, 32, 0.875, "bicubic") == GREEN).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.slow
def test_twelve_thousand_pixels_are_read_in_bounded_memory(kind: str) -> None:
    content = saved(quarters(12_000, 9_000), kind)
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = open_image(content, shown_side=256)
    assert 512 <= min(found.size) < 1_200
    assert corners(found) == [RED, BLUE, GREEN, WHITE]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 900_000


def test_a_scaled_down_picture_looks_like_the_whole_one() -> None:
    content = saved(quarters(1_600, 1_600), "JPEG", quality=95)
    quick = square(open_image(content, shown_side=64), 56, 0.875, "bicubic").astype(int)
    whole = square(open_image(content), 56, 0.875, "bicubic").astype(int)
    assert np.abs(quick - whole).mean() < 3


@pytest.mark.parametrize(("width", "height"), [(1, 100_000_000), (1, 30_001), (30_001, 1), (8_000, 7_000)])
def test_a_query_is_not_decoded_when_its_picture_is_absurdly_large(width: int, height: int) -> None:
    told = images.too_large_to_ask(_png_header(width, height))
    assert told is not None
    assert f"picture too large: {width:,} x {height:,} pixels" in told


def test_a_query_may_ask_with_any_photo_and_a_broken_one_is_told_by_its_reader() -> None:
    for content in (_png_header(8_192, 6_144), _png_header(2_000, 20_000), b"", b"no picture"):
        assert images.too_large_to_ask(content) is None


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    assert "picture too large: 20,000 x 12,000" in reason(_png_header(20_000, 12_000))
    assert "200,000,000" in reason(_png_header(20_000, 12_000))
    assert "picture too large" in reason(_png_header(100_000, 100_000))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"just some words, saved as photo.jpg\n", "a text file"),
        ("商品图片".encode(), "a text file"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (bytes(range(128, 256)) * 8, "not a picture in a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a text file"),
        (saved(quarters(), "JPEG")[:200], "picture"),
        (saved(quarters(400, 400), "JPEG", quality=95)[:-900], "truncated"),
        (saved(Image.effect_noise((90, 90), 50))[:4_000], "truncated"),
    ],
)
def test_what_is_no_picture_has_a_reason(content: bytes, words: str) -> None:
    assert words in reason(content)


def test_a_damaged_png_has_a_reason() -> None:
    content = bytearray(saved(quarters()))
    start = content.index(b"IDAT") + 8
    content[start : start + 20] = bytes(20)
    assert "broken" in reason(bytes(content)) or "truncated" in reason(bytes(content))


SEEDS = [saved(quarters(16, 16), kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_happens_to_the_bytes_there_is_a_picture_or_a_reason(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    try:
        pixels = square(open_image(bytes(content[:cut]), shown_side=64), 8, 0.875, "bicubic")
    except UnreadableImageError:
        return  # with a reason; any other exception fails this test
    assert pixels.shape == (8, 8, 3)


def test_the_middle_is_cut_out() -> None:
    picture = Image.new("RGB", (100, 60), RED)
    picture.paste(BLUE, (20, 0, 80, 60))
    assert (square(picture, 30, 1.0, "bilinear")[:, 1:-1] == BLUE).all()


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("shape", [(348, 348), (300, 900), (60, 80), (225, 224)])
def test_the_middle_is_scaled_as_pillow_scales_it(shape: tuple[int, int], interpolation: str) -> None:
    picture = Image.effect_noise(shape, 80).resize(shape).convert("RGB")
    picture.paste(RED, (10, 10, 40, 40))
    left, top = ((whole - min(shape)) // 2 for whole in shape)
    middle = picture.crop((left, top, left + min(shape), top + min(shape)))

    expected = middle.resize((256, 256), Image.Resampling[interpolation.upper()]).crop((16, 16, 240, 240))

    apart = np.abs(square(picture, 224, 0.875, interpolation).astype(int) - np.asarray(expected))
    assert apart.max() <= 2
    assert apart.mean() < 0.1


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("shape", [(348, 348), (300, 900), (60, 80)])
def test_the_photo_of_a_query_is_scaled_by_pillow_itself(shape: tuple[int, int], interpolation: str) -> None:
    photo = Image.effect_noise(shape, 80).resize(shape).convert("RGB")
    left, top = ((length - min(shape)) // 2 for length in shape)
    middle = photo.crop((left, top, left + min(shape), top + min(shape)))
    expected = middle.resize((256, 256), Image.Resampling[interpolation.upper()]).crop((16, 16, 240, 240))

    scaled = square(photo, 224, 0.875, interpolation, scaling=PILLOW)

    assert (scaled == np.asarray(expected)).all()
    assert scaled.flags.c_contiguous
    apart = np.abs(scaled.astype(int) - square(photo, 224, 0.875, interpolation, scaling=TORCH))
    assert apart.max() <= 2


def test_the_limit_is_ours_not_pillows() -> None:
    assert images.MAX_PIXELS >= 12_000 * 12_000


def _png_header(width: int, height: int) -> bytes:
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", body) + _chunk(b"IDAT", zlib.compress(b"\0" * 64))


def _png_of_sixteen_bit_rgb(colour: tuple[int, int, int]) -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">HHH", *colour)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(row)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
