"""Photos with the products that they show, each seen in several views."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix


@dataclass(frozen=True)
class LabelledPhotos:
    """`n` photos, each of one product.

    products: the product of each photo, [n]. views: the encoder's vectors of `v` views of each photo,
    float32 [v, n, d], of any norm.
    """

    products: tuple[str, ...]
    views: Matrix

    def __len__(self) -> int:
        return len(self.products)

    def take(self, rows: Sequence[int] | NDArray[np.integer]) -> "LabelledPhotos":
        """Some of the photos.

        Args:
            rows: row numbers, [k].
        """
        index = np.asarray(rows, dtype=np.int64)
        return LabelledPhotos(tuple(self.products[row] for row in index), self.views[:, index])


@dataclass(frozen=True)
class FewestPhotos:
    """Below this a shop gets no photo memory: a space cannot be learned from less.

    products: so many products with at least `photos` photos each.
    """

    products: int = 10
    photos: int = 2

    def enough(self, products: Sequence[str]) -> bool:
        """Whether there are enough photos to learn from.

        Args:
            products: the product of each photo.
        """
        counts = Counter(products)
        return sum(count >= self.photos for count in counts.values()) >= self.products
