"""The training set of rankers: graded candidates of many queries with their feature rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.features import FEATURES, Features, RankedCandidates


@dataclass(frozen=True)
class TrainingSet:
    """Rows of all queries, one query after the other.

    query_ids: `q` queries. sizes: int64 [q], candidates of each. product_ids: [n]. features: float32 [n, f].
    grades: int64 [n], 0 to 3; a product that nobody judged is 0.
    """

    query_ids: tuple[str, ...]
    sizes: NDArray[np.int64]
    product_ids: tuple[str, ...]
    features: Features
    grades: NDArray[np.int64]

    @classmethod
    def of(
        cls, candidates: Mapping[str, RankedCandidates], grades: Mapping[str, Mapping[str, int]]
    ) -> "TrainingSet":
        """The candidates of each query beside their grades. grades: query id -> product id -> grade."""
        parts = list(candidates.values())
        rows = [block.features for block in parts] or [np.zeros((0, len(FEATURES)), dtype=np.float32)]
        labels = [
            grades.get(query_id, {}).get(product, 0)
            for query_id, block in candidates.items()
            for product in block.ids
        ]
        return cls(
            query_ids=tuple(candidates),
            sizes=np.array([len(block.ids) for block in parts], dtype=np.int64),
            product_ids=tuple(product for block in parts for product in block.ids),
            features=np.concatenate(rows),
            grades=np.array(labels, dtype=np.int64),
        )

    def spans(self) -> Iterator[tuple[str, slice]]:
        """Query id and where its rows lie."""
        start = 0
        for query_id, size in zip(self.query_ids, self.sizes.tolist(), strict=True):
            yield query_id, slice(start, start + size)
            start += size

    def part(self, query_ids: Sequence[str]) -> "TrainingSet":
        """The rows of these queries only, in the order they have here."""
        wanted = set(query_ids)
        spans = [(query_id, span) for query_id, span in self.spans() if query_id in wanted]
        rows = np.concatenate([np.arange(span.start, span.stop) for _, span in spans] or [np.zeros(0, int)])
        rows = rows.astype(np.int64)
        return TrainingSet(
            query_ids=tuple(query_id for query_id, _ in spans),
            sizes=np.array([span.stop - span.start for _, span in spans], dtype=np.int64),
            product_ids=tuple(self.product_ids[row] for row in rows.tolist()),
            features=self.features[rows],
            grades=self.grades[rows],
        )

    def rankings(self, scores: NDArray[np.floating]) -> dict[str, list[str]]:
        """Orders the candidates of each query.

        Args:
            scores: [n].

        Returns:
            Query id -> products by descending score, ties by id.
        """
        ordered: dict[str, list[str]] = {}
        for query_id, span in self.spans():
            pairs = zip(self.product_ids[span], scores[span].tolist(), strict=True)
            ordered[query_id] = [
                product for product, _ in sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
            ]
        return ordered
