"""Training examples of the two towers: which query should find which item, how well, and how we know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from mmsearch_dagster.core.modalities import ModalityBatch

# Fewer judged queries than this all train: what is left would decide nothing.
_FEWEST_TO_PART = 20


@dataclass(frozen=True)
class Judged:
    """Graded items of one set of queries.

    queries: `q` queries. grades: sparse float32 [q, n products], 0 where nothing is known.
    provenance: [q] a Provenance each; it sets how often a query is drawn.
    """

    queries: ModalityBatch
    grades: csr_matrix
    provenance: NDArray[np.str_]

    def take(self, rows: NDArray[np.integer]) -> "Judged":
        """Some of the queries.

        Args:
            rows: row numbers, [k].

        Returns:
            The queries in the given order.
        """
        return Judged(self.queries.take(rows), self.grades[rows], self.provenance[rows])


@dataclass(frozen=True)
class Examples:
    """Everything a training run reads.

    items: the catalogue; a product with several pictures has a row for each, and the best one counts.
    train: queries to learn from. dev: judged training queries kept apart for early stopping and for choosing
    the blend; the validation split is never among them.
    frames: modality -> vectors per row, of those with more than one (a video's frames).
    """

    items: ModalityBatch
    train: Judged
    dev: Judged
    frames: Mapping[str, int] = field(default_factory=dict)


def grade_matrix(
    query_ids: Sequence[str], item_ids: Sequence[str], graded: Mapping[str, Mapping[str, float]]
) -> csr_matrix:
    """Sparse [queries, different items] of grades; unknown items are left out."""
    column = {item: index for index, item in enumerate(dict.fromkeys(item_ids))}
    rows, columns, values = [], [], []
    for row, query in enumerate(query_ids):
        for item, grade in graded.get(query, {}).items():
            if item in column and grade > 0:
                rows.append(row)
                columns.append(column[item])
                values.append(grade)
    shape = (len(query_ids), len(column))
    return csr_matrix((np.asarray(values, dtype=np.float32), (rows, columns)), shape=shape)


def hold_out(count: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """Part `count` queries into (kept, held out) rows, both in order; under twenty none is held out."""
    held = round(count * share) if count >= _FEWEST_TO_PART else 0
    order = np.random.default_rng(seed).permutation(count)
    return sorted(order[held:].tolist()), sorted(order[:held].tolist())
