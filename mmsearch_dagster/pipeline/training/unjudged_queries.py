"""The queries that nobody judged: made from the catalogue, out of the log, or of reviews."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.labels.catalogue_queries import (
    Limits,
    attribute_queries,
    image_queries,
    title_queries,
)
from mmsearch_dagster.core.labels.log_queries import grade_log
from mmsearch_dagster.core.labels.review_queries import review_queries
from mmsearch_dagster.core.labels.synthetic_query import SyntheticQuery
from mmsearch_dagster.core.modalities import IMAGE
from mmsearch_dagster.core.presets import SyntheticLimits

# Of each sort of query, in each part that is held out.
_HELD_OUT = 100


@dataclass(frozen=True)
class UnjudgedQueries:
    """Queries of every part. log_graded_by: how the grades of those from the log came about, for people."""

    queries: tuple[SyntheticQuery, ...]
    log_graded_by: str


def unjudged_queries(
    inputs: Mapping[str, Snapshot], features: Mapping[str, Snapshot], limits: SyntheticLimits
) -> UnjudgedQueries:
    """Queries of every part. inputs: snapshots of `products`, `searches`, `interactions`, `reviews`."""
    products = inputs["products"].table()
    with_images: list[str] = []
    if IMAGE in features:
        with_images = features[IMAGE].table()[c.PRODUCT_ID].unique(maintain_order=True).to_list()
    log = grade_log(inputs["searches"].table(), inputs["interactions"].table(), limit=limits.logged)
    queries = [
        *attribute_queries(products, limits=_limits(limits.attributes), seed=limits.seed),
        *title_queries(products, limits=_limits(limits.pairs), seed=limits.seed),
        *image_queries(products, with_images, limits=_limits(limits.views)),
        *log.queries,
        *review_queries(inputs["reviews"].table(), products, limits=_limits(limits.reviews)),
    ]
    return UnjudgedQueries(tuple(queries), log.graded_by)


def _limits(train: int) -> Limits:
    """A preset that wants no training queries of a sort still decides by some."""
    return {"train": train, "dev": _HELD_OUT, "validation": _HELD_OUT}
