"""The payload of an index version, held in memory: an answer is written without a read of the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.core.catalog.columns import PRODUCT_ID

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class HeldPayload:
    """rows: every product, in Arrow's own form, which is several times smaller than Python's. row_of: product
    id -> its row."""

    rows: "pa.Table"
    row_of: dict[str, int]

    @classmethod
    def of(cls, rows: "pa.Table") -> "HeldPayload":
        """rows: with PRODUCT_ID among the columns."""
        ids = rows[PRODUCT_ID].to_pylist()
        return cls(rows.combine_chunks(), {key: row for row, key in enumerate(ids)})

    def of_products(self, product_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Payload by product id; unknown ids are left out."""
        known = [key for key in dict.fromkeys(product_ids) if key in self.row_of]
        rows = self.rows.take([self.row_of[key] for key in known]).to_pylist() if known else []
        return dict(zip(known, rows, strict=True))
