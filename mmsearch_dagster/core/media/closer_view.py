"""A closer look at the middle of a photo: what is photographed stands there, its surroundings do not."""

from io import BytesIO

from PIL import Image

from mmsearch_dagster.core.media.images import open_image

# Of the shorter side of the photo.
CLOSER, CLOSEST = 0.7, 0.5
_SIDE = 512


def closer_view(content: bytes, share: float) -> bytes:
    """The middle square of a photo as a bitmap file.

    Args:
        content: the photo's file.
        share: side of the square as a share of the photo's shorter side, 0 to 1.

    Raises:
        UnreadableImageError: the message is the reason.
    """
    image = open_image(content, shown_side=round(_SIDE / share))
    side = max(1, round(min(image.size) * share))
    left, top = (image.width - side) // 2, (image.height - side) // 2
    middle = image.crop((left, top, left + side, top + side))
    middle.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    out = BytesIO()
    middle.save(out, "BMP")
    return out.getvalue()
