"""The retriever of photos: the photo memory of a release, searched with the photo and a closer look at it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from mmsearch_dagster.adapters.index.table import Hit
from mmsearch_dagster.core.memories.photo_memory import PhotoMemory
from mmsearch_dagster.core.modalities import IMAGE, Matrix, ModalityBatch
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.rank_fusion import modality_column


class PictureTable(Protocol):
    """A catalogue with the vectors of its pictures."""

    def has_vectors(self, column: str) -> bool:
        """Whether there is such a vector column."""
        ...

    def passing_ids(self, where: str | None) -> Collection[str]:
        """The products that pass a filter; without one, all."""
        ...

    def vectors(self, product_ids: Sequence[str], column: str) -> tuple[list[str], Matrix]:
        """The vectors of some products and whose they are, float32 [m, d]."""
        ...


@dataclass(frozen=True)
class PhotoRetriever:
    """Ranks the products of a table by the photo memory."""

    memory: PhotoMemory
    table: PictureTable

    @cached_property
    def _current(self) -> PhotoMemory:
        """The memory, with the products that came into the catalogue since it was fitted."""
        known, column = set(self.memory.ids), modality_column(IMAGE)
        later = [product for product in self.table.passing_ids(None) if product not in known]
        if not later or not self.table.has_vectors(column):
            return self.memory
        return self.memory.with_pictures(*self.table.vectors(later, column))

    def nearest_batch(
        self,
        queries: Sequence[PreparedQuery],
        batch: ModalityBatch,
        *,
        depth: int,
        where: str | None,
    ) -> list[list[Hit]]:
        """Per query the best products, best first.

        Args:
            queries: `q` queries, each with a photo.
            batch: their vectors, row for row.
            depth: products per query.
            where: SQL of `core.retrieval.filters.language.to_where`.
        """
        photos = batch.vectors[IMAGE]
        views = np.stack([photos, _closer_looks(queries, photos)])
        found = self._current.nearest(views, depth, among=self.table.passing_ids(where))
        return [[Hit(product, score) for product, score in hits] for hits in found]


def _closer_looks(queries: Sequence[PreparedQuery], photos: Matrix) -> Matrix:
    """The vectors of the closer looks; of a photo without one, its own. photos: float32 [q, d]."""
    looks = [
        photo if query.closer_look is None else query.closer_look
        for query, photo in zip(queries, photos, strict=True)
    ]
    return np.stack(looks)
