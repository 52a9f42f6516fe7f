"""What the score of a product is for a vector, for every retriever: the cosine of its nearest vector.

The published index and the offline evaluation both score by this module, with and without a filter, from
memory or from what LanceDB proposes. Encoders' vectors have any norm, so nobody compares them undivided.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.ranges import joined_ranges
from mmsearch_dagster.core.retrieval.int8_scan import Int8Scan

# Two programs that multiply the same vectors differ in the last bits; a rank must not.
SCORE_DECIMALS = 6
# Scores of one block of queries: 32 M floats are 128 MB.
_BLOCK_SCORES = 32_000_000
# Vectors that stay in a core's cache while up to so many queries are compared with them in turn; for more
# queries one product of matrices is faster (measured at 384 to 1,280 numbers a vector).
_ROWS_IN_CACHE, _QUERIES_IN_TURN = 256, 12
# More than single precision loses in a product of unit vectors.
_SINGLE_PRECISION_ERROR = 5e-6


def unit_rows(matrix: NDArray[np.floating]) -> Matrix:
    """Each row divided by its length, float32 [n, d]; a row of zeros stays one.

    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]

    Args:
        matrix: [n, d].
    """
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.where(norms > 0, matrix / np.maximum(norms, 1e-12), 0.0).astype(np.float32)


@dataclass(frozen=True)
class ProductVectors:
    """What one retriever compares with a query: one or several unit vectors per product.

    ids: the p products that have a vector, ascending.
    unit_vectors: float32 [m, d], m >= p; the rows of a product stand together, in the order of `ids`.
    starts: int64 [p], the first row of each product.
    scan: a faster first look that rules most rows out; the answers are the same without it.
    """

    ids: Sequence[str]
    unit_vectors: Matrix
    starts: NDArray[np.int64]
    scan: Int8Scan | None = None

    @classmethod
    def of(cls, ids: Sequence[str], vectors: Matrix) -> "ProductVectors":
        """Made of rows in any order and of any norm; a row of zeros is no vector.

        Args:
            ids: the product of each row, m of them; a product may have several rows.
            vectors: float32 [m, d].
        """
        kept = sorted(np.flatnonzero(vectors.any(axis=1)).tolist(), key=lambda row: ids[row])
        owners = [ids[row] for row in kept]
        starts = [n for n, key in enumerate(owners) if n == 0 or key != owners[n - 1]]
        return cls([owners[n] for n in starts], unit_rows(vectors[kept]), np.array(starts, dtype=np.int64))

    def nearest(self, queries: Matrix, k: int) -> Iterator[list[tuple[str, float]]]:
        """Per query the `k` best products and their scores, best first, ties by id.

        The score is the largest cosine of the query with a vector of the product, rounded to
        SCORE_DECIMALS. A query of zeros finds nothing.

        Args:
            queries: float32 [q, d], of any norm.

        Yields:
            q lists of at most `k` pairs.
        """
        block = max(1, _BLOCK_SCORES // max(1, len(self.unit_vectors)))
        for first in range(0, len(queries), block):
            part = unit_rows(queries[first : first + block])
            scores, errors = self._scores(part)
            for query, approximate, error in zip(part, scores, errors, strict=True):
                yield self._best(query, approximate, error, k) if query.any() else []

    def _scores(self, queries: Matrix) -> tuple[Matrix, NDArray[np.float64]]:
        """Scores [q, m] of unit queries [q, d], and how far each query's can be from the true ones [q]."""
        if self.scan is not None:
            return self.scan.scores(queries)
        return self._products(queries), np.full(len(queries), _SINGLE_PRECISION_ERROR)

    def _products(self, queries: Matrix) -> Matrix:
        """Scores [q, m] of unit queries [q, d], a part of the vectors at a time: each part is read from
        memory once and serves all queries."""
        if len(queries) == 1 or len(queries) > _QUERIES_IN_TURN:
            return queries @ self.unit_vectors.T
        scores = np.empty((len(queries), len(self.unit_vectors)), dtype=np.float32)
        for first in range(0, len(self.unit_vectors), _ROWS_IN_CACHE):
            rows = self.unit_vectors[first : first + _ROWS_IN_CACHE]
            for number, query in enumerate(queries):
                scores[number, first : first + len(rows)] = rows @ query
        return scores

    def _best(self, query: Matrix, approximate: Matrix, error: float, k: int) -> list[tuple[str, float]]:
        """approximate: scores [m] of `query` [d] with `unit_vectors`; error: how far they can be from the
        true ones."""
        scores, count = self._by_product(approximate), min(k, len(self.ids))
        if error > _SINGLE_PRECISION_ERROR:
            products = self._contenders_among(self._above_the_best(scores, query, count, error), query, count)
        else:
            products = _contenders(scores, count, error)
        rows, starts = self._rows_of(products)
        if not len(rows):
            return []
        # Single precision depends on how many queries share a product; double does so no more.
        exact = np.round(
            self.unit_vectors[rows].astype(np.float64) @ query.astype(np.float64), SCORE_DECIMALS
        )
        final = np.maximum.reduceat(exact, starts)
        order = np.argsort(-final, kind="stable")[:k]
        ids = map(self.ids.__getitem__, products[order].tolist())
        return list(zip(ids, final[order].astype(np.float32).tolist(), strict=True))

    def _above_the_best(self, scores: Matrix, query: Matrix, count: int, error: float) -> NDArray[np.int64]:
        """Positions of all products that may be among the `count` best. Those that seem best are compared
        exactly first: whatever is among the best is not below the least of them.

        scores: of products [p], which may be wrong by `error` each.
        """
        if count == 0:
            return np.empty(0, dtype=np.int64)
        seem_best = _contenders(scores, count, 0.0)
        least = self._single_precision(seem_best, query).min() - 2 * _SINGLE_PRECISION_ERROR
        return np.flatnonzero(scores >= least - error)

    def _contenders_among(self, products: NDArray[np.int64], query: Matrix, count: int) -> NDArray[np.int64]:
        """Of the products at these positions of `ids` those that may be among the `count` best."""
        if not len(products):
            return products
        return products[_contenders(self._single_precision(products, query), count, _SINGLE_PRECISION_ERROR)]

    def _single_precision(self, products: NDArray[np.int64], query: Matrix) -> Matrix:
        """Scores of the products at these positions of `ids`, at least one, float32."""
        rows, starts = self._rows_of(products)
        return np.maximum.reduceat(self.unit_vectors[rows] @ query, starts)

    def _by_product(self, scores: Matrix) -> Matrix:
        """Scores of rows [m] -> the best of each product [p]."""
        single = len(self.starts) == len(scores)
        return scores if single else np.maximum.reduceat(scores, self.starts)

    def _rows_of(self, products: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the products at these positions of `ids`, and where each product begins among them."""
        if len(self.ids) == len(self.unit_vectors):
            return products, np.arange(len(products))
        return joined_ranges(self.starts[products], self._counts[products])

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        """Rows of each product, [p]."""
        return np.diff(self.starts, append=len(self.unit_vectors))


def _contenders(scores: Matrix, count: int, error: float) -> NDArray[np.int64]:
    """Ascending positions of all that may be among the `count` largest of `scores` [n], which may be wrong by
    `error` each."""
    if count == 0:
        return np.empty(0, dtype=np.int64)
    threshold = np.partition(scores, len(scores) - count)[len(scores) - count]
    return np.flatnonzero(scores >= threshold - 2 * error)


def recall_against_exact(
    approximate: Sequence[Sequence[str]], exact: Sequence[Sequence[str]], k: int
) -> float:
    """Mean over queries of |approximate@k that are true neighbours| / min(k, number of true neighbours).

    exact: per query the true neighbours; pass more than `k` where several tie with the k-th, any of
    them is a correct answer then. No queries, or no neighbours at all: 1.0, nothing was missed.

    >>> recall_against_exact([["a", "x"]], [["a", "b"]], k=2)
    0.5
    """
    shares = [
        len(set(mine[:k]) & set(truth)) / min(k, len(truth))
        for mine, truth in zip(approximate, exact, strict=True)
        if truth
    ]
    return float(np.mean(shares)) if shares else 1.0
