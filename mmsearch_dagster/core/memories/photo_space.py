"""The space in which photos are compared: whitened by how photos of one product differ.

What varies between photos of one product (light, angle, shelf) counts little, what tells products apart
counts much: linear discriminant analysis without its last step, a projection that changes no order of mean
keys.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.nearest import unit_rows

# Share of the average variance without which a direction of no variance could not be divided by.
_LEAST_SHRINKAGE = 1e-3


def sums_by_label(rows: Matrix, labels: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """The sum of the rows of each label, zeros where it has none.

    Args:
        rows: [m, d].
        labels: 0 to `count` - 1, [m].
        count: how many labels there are.

    Returns:
        float64 [count, d].
    """
    sums = np.zeros((count, rows.shape[1]))
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    if len(present):
        sums[present] = np.add.reduceat(rows[order], starts, axis=0, dtype=np.float64)
    return sums


@dataclass(frozen=True)
class Scatter:
    """What a space is made of. mean: float64 [d], of all rows. within: float64 [d, d], covariance of the rows
    around the means of their products."""

    mean: NDArray[np.float64]
    within: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Matrix, labels: NDArray[np.int64]) -> "Scatter":
        """Of unit vectors with their products.

        Args:
            rows: float32 [m, d].
            labels: the number of each row's product, 0 to p - 1, [m].
        """
        unit = unit_rows(rows)
        counts = np.bincount(labels)
        means = sums_by_label(unit, labels, len(counts)) / np.maximum(counts, 1)[:, None]
        residual = unit - means.astype(np.float32)[labels]
        freedom = max(len(unit) - int((counts > 0).sum()), 1)
        return cls(unit.mean(axis=0, dtype=np.float64), (residual.T @ residual).astype(np.float64) / freedom)


@dataclass(frozen=True)
class PhotoSpace:
    """Vectors of the encoder to unit vectors of the space. mean: float32 [d]. whitening: float32 [d, d]."""

    mean: Matrix
    whitening: Matrix

    @classmethod
    def of(cls, scatter: Scatter, shrinkage: float) -> "PhotoSpace":
        """The space in closed form.

        The covariance is drawn towards a sphere of its average variance: with shrinkage 1 every direction
        counts the same, as without a space. It may be singular; where nothing varies it is that sphere.

        Args:
            scatter: of the photos.
            shrinkage: 0 to 1.
        """
        width = len(scatter.mean)
        average = float(np.trace(scatter.within)) / width
        if average <= 0.0:
            return cls(scatter.mean.astype(np.float32), np.eye(width, dtype=np.float32))
        shrinkage = max(shrinkage, _LEAST_SHRINKAGE)
        within = (1.0 - shrinkage) * scatter.within / average + shrinkage * np.eye(width)
        inverse = np.linalg.inv(np.linalg.cholesky(within))
        return cls(scatter.mean.astype(np.float32), np.ascontiguousarray(inverse.T, dtype=np.float32))

    def of_rows(self, rows: Matrix) -> Matrix:
        """Unit vectors of the space, float32 [m, d]; a row of zeros stays one.

        Args:
            rows: vectors of the encoder, float32 [m, d], of any norm.
        """
        placed = unit_rows((unit_rows(rows) - self.mean) @ self.whitening)
        present = np.any(rows, axis=1, keepdims=True)
        return np.where(present, placed, 0.0).astype(np.float32)

    def of_views(self, views: Matrix) -> Matrix:
        """One unit vector per photo: the direction of the mean of its views.

        Args:
            views: float32 [v, n, d].

        Returns:
            float32 [n, d].
        """
        placed = self.of_rows(views.reshape(-1, views.shape[-1])).reshape(views.shape)
        return unit_rows(placed.mean(axis=0))
