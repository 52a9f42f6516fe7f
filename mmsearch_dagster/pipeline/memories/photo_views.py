"""Photos as the photo memory sees them: whole, closer, closest; each view encoded once."""

from collections.abc import Mapping, Sequence

import numpy as np

from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.protocol import Content
from mmsearch_dagster.core.media.closer_view import CLOSER, CLOSEST, closer_view
from mmsearch_dagster.core.media.images import UnreadableImageError
from mmsearch_dagster.core.memories.photos import LabelledPhotos
from mmsearch_dagster.core.modalities import IMAGE, Matrix
from mmsearch_dagster.pipeline.workspace import Workspace

# Shares of the photo's shorter side; None: as it is. A query has the first two.
VIEWS = (None, CLOSER, CLOSEST)
QUERY_VIEWS = 2


def encode_views(
    workspace: Workspace, photos: Sequence[Content], shares: Sequence[float | None]
) -> dict[str, Matrix]:
    """Content key -> vectors of its views, float32 [v, d]; photos that cannot be read are left out."""
    spec = workspace.encoder(IMAGE)
    if spec is None or not photos:
        return {}
    views = {photo.key: _views_of(photo, shares) for photo in photos}
    read = workspace.features.obtain(
        workspace.identity(spec),
        [view for several in views.values() for view in several],
        workspace.loader(spec),
        workspace.progress,
        "views of photos",
    )
    return {
        key: np.stack([read.vectors[view.key] for view in several])
        for key, several in views.items()
        if several and all(view.key in read.vectors for view in several)
    }


def _views_of(photo: Content, shares: Sequence[float | None]) -> list[Content]:
    """The views, named by what they show: cut out for that, and again when they are encoded. None of a photo
    that cannot be read."""
    try:
        return [photo if share is None else _cut(photo, share) for share in shares]
    except (OSError, UnreadableImageError):
        return []


def _cut(photo: Content, share: float) -> Content:
    return Content(sha256_bytes(closer_view(photo.read(), share)), lambda: closer_view(photo.read(), share))


def labelled(products: Mapping[str, str], views: Mapping[str, Matrix]) -> LabelledPhotos:
    """The photos that could be read.

    Args:
        products: content key -> product.
        views: content key -> float32 [v, d].
    """
    keys = [key for key in sorted(products) if key in views]
    if not keys:
        return LabelledPhotos((), np.zeros((len(VIEWS), 0, 1), dtype=np.float32))
    return LabelledPhotos(
        tuple(products[key] for key in keys), np.stack([views[key] for key in keys], axis=1)
    )
