"""Queries of the training examples as vectors: words, photos, recordings, pictures seen differently."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from zlib import crc32

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.protocol import Content
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, Matrix, ModalityBatch
from mmsearch_dagster.core.retrieval.text_blend import mean_vector
from mmsearch_dagster.pipeline.training.queries import TrainingQuery
from mmsearch_dagster.pipeline.workspace import Workspace, media_file


def encode_queries(
    workspace: Workspace, items: ModalityBatch, products: pl.DataFrame, queries: Sequence[TrainingQuery]
) -> tuple[dict[str, dict[str, Matrix]], set[str]]:
    """Query id -> modality -> vector of every query that has at least one; and the ids of the refused.

    The engine refuses a query of which a part cannot be read, whatever else it gives.
    """
    from mmsearch_dagster.adapters.feature_store.feature_store import file_content

    given: dict[str, set[str]] = {}
    vectors: dict[str, dict[str, Matrix]] = {}
    if TEXT in items.vectors:
        given[TEXT] = {query.query_id for query in queries if query.text}
        vectors[TEXT] = word_vectors(workspace, queries)
    if IMAGE in items.vectors:
        pictures = {query.query_id: query.picture for query in queries if query.picture is not None}
        images = {key: file_content(path) for key, path in pictures.items() if _engine_decodes(path)}
        given[IMAGE] = set(pictures)
        vectors[IMAGE] = _looked_up(workspace, IMAGE, images | _views(workspace, products, queries))
    if AUDIO in items.vectors:
        voices = {query.query_id: file_content(query.voice) for query in queries if query.voice is not None}
        given[AUDIO] = set(voices)
        vectors[AUDIO] = _looked_up(workspace, AUDIO, voices)
    refused = {key for name, ids in given.items() for key in ids - vectors[name].keys()}
    encoded: dict[str, dict[str, Matrix]] = {}
    for name, by_query in vectors.items():
        for key in by_query.keys() - refused:
            encoded.setdefault(key, {})[name] = by_query[key]
    return encoded, refused


def _engine_decodes(picture: Path) -> bool:
    """False for the photo of a query that is too large to be decoded for a request."""
    from mmsearch_dagster.core.media.images import too_large_to_ask

    try:
        return too_large_to_ask(picture.read_bytes()) is None
    except OSError:
        return True  # it fails when it is encoded


def word_vectors(workspace: Workspace, queries: Sequence[TrainingQuery]) -> dict[str, Matrix]:
    """Query id -> vector of its words, spoken ones weighted as the engine weights them."""
    from mmsearch_dagster.adapters.feature_store.feature_store import text_content

    spec = workspace.encoder(TEXT)
    if spec is None:
        return {}
    texts_of = {query.query_id: query.text_blend for query in queries if query.text}
    texts = {text: text_content(spec.query_text(text)) for parts in texts_of.values() for text in parts}
    vectors = _looked_up(workspace, TEXT, texts)
    return {
        key: mean_vector(vectors, parts)
        for key, parts in texts_of.items()
        if parts and vectors.keys() >= parts.keys()
    }


def _views(
    workspace: Workspace, products: pl.DataFrame, queries: Sequence[TrainingQuery]
) -> dict[str, "Content"]:
    """Query id -> one of the product's pictures, seen differently; where that can be read."""
    from mmsearch_dagster.core.media.augment_view import photographed
    from mmsearch_dagster.core.media.images import UnreadableImageError

    images = dict(products.select(col.PRODUCT_ID, col.IMAGE_URIS).drop_nulls().iter_rows())
    views: dict[str, Content] = {}
    for query in queries:
        uris = images.get(query.seen)
        if not uris:
            continue
        seed = workspace.preset.derived.seed + len(query.query_id)
        uri = uris[crc32(query.query_id.encode()) % len(uris)]
        try:
            view = photographed(media_file(workspace, uri).read_bytes(), seed)
        except (OSError, UnreadableImageError):
            continue
        views[query.query_id] = Content(sha256_bytes(view), partial(bytes, view))
    return views


def _looked_up(workspace: Workspace, modality: str, contents: Mapping[str, "Content"]) -> dict[str, Matrix]:
    """The contents' vectors by their names here; what cannot be read is left out."""
    spec = workspace.encoder(modality)
    assert spec is not None
    read = workspace.features.obtain(
        workspace.identity(spec),
        list(contents.values()),
        workspace.loader(spec),
        workspace.progress,
        f"queries ({modality})",
    )
    return {
        name: read.vectors[content.key] for name, content in contents.items() if content.key in read.vectors
    }
