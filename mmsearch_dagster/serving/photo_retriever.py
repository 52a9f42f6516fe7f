"""The retriever of photos: the photo memory of a release, searched with the photo and a closer look at it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmsearch_dagster.adapters.index.table import Hit
from mmsearch_dagster.core.modalities import IMAGE, Matrix, ModalityBatch
from mmsearch_dagster.core.photo_memory.memory import PhotoMemory
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery


class FilteredTable(Protocol):
    """A catalogue that knows which of its products pass a filter."""

    def passing_ids(self, where: str | None) -> Collection[str] | None:
        """The products that pass; None: all of them."""
        ...


@dataclass(frozen=True)
class PhotoRetriever:
    """Ranks products by the photo memory."""

    memory: PhotoMemory

    def nearest_batch(
        self,
        table: FilteredTable,
        queries: Sequence[PreparedQuery],
        batch: ModalityBatch,
        *,
        depth: int,
        where: str | None,
    ) -> list[list[Hit]]:
        """Per query the best products, best first.

        Args:
            table: what is searched.
            queries: `q` queries, each with a photo.
            batch: their vectors, row for row.
            depth: products per query.
            where: SQL of `core.retrieval.filters.to_where`.
        """
        photos = batch.vectors[IMAGE]
        views = np.stack([photos, _closer_looks(queries, photos)])
        found = self.memory.nearest(views, depth, among=table.passing_ids(where))
        return [[Hit(product, score) for product, score in hits] for hits in found]


def _closer_looks(queries: Sequence[PreparedQuery], photos: Matrix) -> Matrix:
    """The vectors of the closer looks; of a photo without one, its own. photos: float32 [q, d]."""
    looks = [
        photo if query.closer_look is None else query.closer_look
        for query, photo in zip(queries, photos, strict=True)
    ]
    return np.stack(looks)
