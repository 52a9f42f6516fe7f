"""A closer look at a photo."""

from io import BytesIO

import pytest
from PIL import Image

from mmsearch_dagster.core.media.closer_view import closer_view
from mmsearch_dagster.core.media.images import UnreadableImageError, open_image


def framed(width: int, height: int) -> bytes:
    """A red picture with a blue square of half its shorter side in the middle."""
    image, side = Image.new("RGB", (width, height), "red"), min(width, height) // 2
    image.paste(
        "blue", ((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2)
    )
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(("width", "height"), [(80, 120), (120, 80), (100, 100)])
def test_it_shows_the_middle_alone(width: int, height: int) -> None:
    view = open_image(closer_view(framed(width, height), 0.5))
    assert view.size == (min(width, height) // 2,) * 2
    assert view.getcolors() == [(view.width * view.height, (0, 0, 255))]


def test_a_large_photo_is_made_no_larger_than_needed() -> None:
    assert max(open_image(closer_view(framed(3000, 2000), 0.7)).size) <= 512


def test_a_picture_of_one_pixel_has_a_middle() -> None:
    assert open_image(closer_view(framed(1, 1), 0.5)).size == (1, 1)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(UnreadableImageError):
        closer_view(b"no picture", 0.5)
