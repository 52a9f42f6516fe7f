"""A query that nobody judged, with the products that answer it."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmsearch_dagster.core.labels.holdout import Part
from mmsearch_dagster.core.labels.provenance import Provenance


@dataclass(frozen=True)
class SyntheticQuery:
    """A query with graded products.

    image_of: names a product whose picture, seen differently, is the query. graded: product id -> grade 1-3.
    part: where it may be used; nothing that shares its product or its text is in another part.
    """

    query_id: str
    text: str | None
    image_of: str | None
    graded: Mapping[str, float]
    provenance: Provenance
    part: Part
