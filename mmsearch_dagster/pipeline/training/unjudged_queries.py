"""Training queries that nobody judged: made from the catalogue, out of the log, or of reviews."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.gate.policy import GatePolicy
from mmsearch_dagster.core.labels.catalogue_queries import (
    Limits,
    attribute_queries,
    image_queries,
    title_queries,
)
from mmsearch_dagster.core.labels.holdout import DEV_SHARE, VALIDATION_SHARE
from mmsearch_dagster.core.labels.log_queries import grade_log
from mmsearch_dagster.core.labels.provenance import CATALOGUE, JUDGED, LOG
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
    inputs: Mapping[str, Snapshot],
    features: Mapping[str, Snapshot],
    limits: SyntheticLimits,
    *,
    judged: int,
    policy: GatePolicy,
) -> UnjudgedQueries:
    """Queries of every part.

    Those of the catalogue and of reviews are held out of training where they decide; else they all train.

    Args:
        inputs: snapshots of `products`, `searches`, `interactions`, `reviews`.
        features: snapshots of the features by modality.
        limits: how many queries of each sort train.
        judged: how many judged validation queries there are.
        policy: says which queries decide.
    """
    log = grade_log(inputs["searches"].table(), inputs["interactions"].table(), limit=limits.logged)
    logged = sum(query.part == "validation" for query in log.queries)
    enough = policy.min_queries_of(CATALOGUE)
    decides = policy.deciding({JUDGED: judged, LOG: logged, CATALOGUE: enough})
    held_out = decides not in (JUDGED, LOG)
    made = _made(inputs, features, limits, partial(_limits, held_out=held_out))
    if not held_out:
        made = [replace(query, part="train") if query.part == "validation" else query for query in made]
    return UnjudgedQueries((*log.queries, *made), log.graded_by)


def _made(
    inputs: Mapping[str, Snapshot],
    features: Mapping[str, Snapshot],
    limits: SyntheticLimits,
    parts: Callable[[int], Limits],
) -> list[SyntheticQuery]:
    """Of the catalogue and of reviews. parts: how a limit is shared out among the parts."""
    products = inputs["products"].table()
    with_images: list[str] = []
    if IMAGE in features:
        with_images = features[IMAGE].table()[col.PRODUCT_ID].unique(maintain_order=True).to_list()
    return [
        *attribute_queries(products, limits=parts(limits.attributes), seed=limits.seed),
        *title_queries(products, limits=parts(limits.pairs), seed=limits.seed),
        *image_queries(products, with_images, limits=parts(limits.views)),
        *review_queries(inputs["reviews"].table(), products, limits=parts(limits.reviews)),
    ]


def _limits(train: int, *, held_out: bool) -> Limits:
    """A preset that wants no training queries of a sort still decides by some."""
    if held_out:
        return {"train": train, "dev": _HELD_OUT, "validation": _HELD_OUT}
    dev, validation = round(train * DEV_SHARE), round(train * VALIDATION_SHARE)
    return {"train": train - dev - validation, "dev": dev, "validation": validation}
