"""Similarity of what people typed to what they were shown: a feature of the personal ranker."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.modalities import TEXT, ModalityBatch
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.personalisation.training_rows import QueryCosines


def query_cosines(workspace: Workspace, batch: ModalityBatch, searches: pl.DataFrame) -> "QueryCosines":
    """(query ids, product rows) -> text -> cosine of what was typed and the product's text."""
    from mmsearch_dagster.adapters.feature_store.feature_store import text_content
    from mmsearch_dagster.core.text.preparation import query_text

    spec = workspace.encoder(TEXT)
    typed = {
        key: query_text(text)
        for key, text in searches.select(col.QUERY_ID, col.QUERY_TEXT).drop_nulls().iter_rows()
    }
    if spec is None or TEXT not in batch.vectors or not any(typed.values()):
        return lambda ids, rows: {}
    contents = {key: text_content(spec.query_text(text)) for key, text in typed.items() if text}
    read = workspace.features.obtain(
        workspace.identity(spec),
        list(contents.values()),
        workspace.loader(spec),
        workspace.progress,
        "searches (text)",
    )
    keys = {key: content.key for key, content in contents.items() if content.key in read.vectors}
    items, present = _unit(batch.vectors[TEXT]), batch.present[TEXT]
    unit_vectors = {
        key: vector / max(float(np.linalg.norm(vector)), 1e-9) for key, vector in read.vectors.items()
    }
    nothing = np.full(items.shape[1], np.nan, dtype=np.float32)

    def cosines(ids: pl.Series, rows: np.ndarray) -> dict[str, np.ndarray]:
        queries = np.stack([unit_vectors[keys[key]] if key in keys else nothing for key in ids])
        cosine = (queries * items[rows]).sum(axis=1).astype(np.float64)
        return {TEXT: np.where(present[rows], cosine, np.nan)}

    return cosines


def _unit(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
