"""A product's picture as somebody might have photographed it."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmsearch_dagster.core.media.augment_view import photographed
from mmsearch_dagster.core.media.images import UnreadableImageError, open_image


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, kind)
    return out.getvalue()


@given(width=st.integers(1, 400), height=st.integers(1, 400), seed=st.integers(0, 2**40))
@settings(deadline=None, max_examples=12)
def test_any_picture_and_seed_give_the_same_readable_view_again(width: int, height: int, seed: int) -> None:
    content = picture(width, height)
    view = photographed(content, seed)
    assert view == photographed(content, seed)
    assert max(open_image(view).size) <= 363  # the diagonal of 256 by 256


def test_another_seed_or_another_picture_is_seen_differently() -> None:
    content = picture(60, 50)
    views = {photographed(content, seed) for seed in range(5)}
    assert len(views) == 5
    assert content not in views


@pytest.mark.parametrize("content", [b"", b"no picture", picture(60, 50)[:80], picture(60, 50, "JPEG")[:200]])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        photographed(content, 1)
