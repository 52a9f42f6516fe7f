"""A first look at all vectors in 8 bits: which of them may be among the nearest.

Bytes are a quarter of single precision, and processors multiply them many times faster. What the rounding
hides is bounded, so that nothing near is lost; the few that are left are compared exactly.
Letters: `m` rows and `q` queries of `d` numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix

# Codes of a query are 0 to 126 with this zero: a processor without 8-bit dot products adds pairs of products
# in 16 bits, and two times 126 * 127 still fit.
QUERY_ZERO = 63
_ROW_LEVELS = 127
_BLOCK = 16_384
# More than single precision loses when the codes' products are scaled.
_SCALING_ERROR = 2e-5

# Codes uint8 [r, d] -> (codes - QUERY_ZERO) times the rows, float32 [r, m].
Int8Product = Callable[[NDArray[np.uint8]], Matrix]


@dataclass(frozen=True)
class Int8Rows:
    """Rows in 8 bits.

    values: int8 [m, d]. scales: float32 [m], a row is about its values times its scale. error: the length of
    the most that rounding took from a row.
    """

    values: NDArray[np.int8]
    scales: NDArray[np.float32]
    error: float

    @classmethod
    def of(cls, rows: Matrix) -> "Int8Rows":
        """rows: float32 [m, d]."""
        values = np.empty(rows.shape, dtype=np.int8)
        scales = (np.abs(rows).max(axis=1, initial=0.0) / _ROW_LEVELS).astype(np.float32)
        error = 0.0
        for first in range(0, len(rows), _BLOCK):
            part, scale = rows[first : first + _BLOCK], scales[first : first + _BLOCK, np.newaxis]
            rounded = np.rint(part / np.where(scale > 0, scale, 1.0))
            values[first : first + _BLOCK] = rounded
            error = max(error, float(np.linalg.norm(part - rounded * scale, axis=1).max()))
        return cls(values, scales, error)


@dataclass(frozen=True)
class Int8Scan:
    """Compares queries with rows in 8 bits. error: of `Int8Rows`."""

    product: Int8Product
    error: float

    def scores(self, queries: Matrix) -> tuple[Matrix, NDArray[np.float64]]:
        """Approximate products with unit rows.

        Args:
            queries: unit vectors or zeros, float32 [q, d].

        Returns:
            float32 [q, m], and per query how far a score can be from the true one, float64 [q].
        """
        coarse, scale = _codes(queries)
        rest = queries - coarse * scale
        fine, fine_scale = _codes(rest)
        lost = np.linalg.norm(rest - fine * fine_scale, axis=1)
        codes = np.concatenate((coarse, fine)) + QUERY_ZERO
        products = self.product(codes.astype(np.uint8))
        scores = products[: len(queries)] * scale + products[len(queries) :] * fine_scale
        return scores.astype(np.float32, copy=False), self.error + (1 + self.error) * lost.astype(
            np.float64
        ) + _SCALING_ERROR


def _codes(vectors: NDArray[np.floating]) -> tuple[Matrix, Matrix]:
    """Whole numbers from -QUERY_ZERO to QUERY_ZERO [q, d], and the factor of each row [q, 1]."""
    scale = (np.abs(vectors).max(axis=1, keepdims=True) / QUERY_ZERO).astype(np.float32)
    return np.rint(vectors / np.where(scale > 0, scale, 1.0)).astype(np.float32), scale
