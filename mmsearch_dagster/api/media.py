"""Pictures of the released products, and nothing else of the disk."""

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.mapping.remote_media import full_address, is_address
from mmsearch_dagster.core.media.file_names import spellings
from mmsearch_dagster.core.media.images import UnreadableImageError, open_image

# What browsers show; no SVG, which may carry scripts.
_KINDS = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
# What browsers do not show: sent as JPEG, its shorter side from this many pixels to twice as many.
_CONVERTED, _SIDE = {".heic", ".heif"}, 600
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=300"}


def first_image(
    payload: Mapping[str, Any] | None,
    media_root: Path | None,
    remote_copy: Callable[[str], Path | None] = lambda address: None,
) -> Response:
    """The first picture of a product, from `media_root` only, or the home's copy of one at an address.

    Raises HTTPException 404 when there is no such product, no picture, or it lies elsewhere.
    """
    uris = (payload or {}).get(col.IMAGE_URIS) or []
    if uris and is_address(str(uris[0])):
        copy = remote_copy(full_address(str(uris[0])))
        if copy is None:
            raise HTTPException(404, "there is no copy of the picture of this product")
        return _as_jpeg(copy)
    if media_root is None or not uris:
        raise HTTPException(404, "there is no picture of this product")
    path = _inside(media_root, str(uris[0]).removeprefix("file://"))
    if path is not None and path.suffix.lower() in _CONVERTED:
        return _as_jpeg(path)
    if path is None or path.suffix.lower() not in _KINDS:
        raise HTTPException(404, "the picture of this product is not in the release's media folder")
    return FileResponse(path, media_type=_KINDS[path.suffix.lower()], headers=_HEADERS)


def _as_jpeg(path: Path) -> Response:
    try:
        image = open_image(path.read_bytes(), shown_side=_SIDE)
    except (OSError, UnreadableImageError) as error:
        raise HTTPException(404, f"the picture of this product cannot be read: {error}") from error
    buffer = BytesIO()
    image.save(buffer, "JPEG")
    return Response(buffer.getvalue(), media_type="image/jpeg", headers=_HEADERS)


def _inside(root: Path, uri: str) -> Path | None:
    """The file that `uri` names, links followed, if it lies under `root`."""
    for name in spellings(uri):
        try:
            path = (root / name).resolve()
            if path.is_relative_to(root.resolve()) and path.is_file():
                return path
        except (OSError, ValueError):  # a name that no file can have
            continue
    return None
