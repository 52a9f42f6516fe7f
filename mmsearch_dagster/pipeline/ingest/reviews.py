"""Reviews as the shop exports them, checked, the useful ones first; an empty table where there are none."""

from pathlib import Path

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.contract import RawTable, restrict_to_catalogue, separate_broken_rows
from mmsearch_dagster.core.catalog.reviews import ordered_by_usefulness, smoothed_ratings
from mmsearch_dagster.core.catalog.unknown_products import unknown_sentence
from mmsearch_dagster.core.catalog.variants import naming_variants
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.pipeline.ingest.tables import (
    EMPTIED,
    QUARANTINE,
    UNKNOWN_PRODUCT,
    RawFacts,
    RowFacts,
    future,
    latest_time,
    raw_asset,
    read_raw,
    row_facts,
)
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import Workspace

ASSET = "reviews"
RATINGS = "ratings.parquet"
CODE_VERSION = "4"


class ReviewsFacts(RowFacts):
    """What is stored with the reviews. of_unknown_products: good ones of products that are not sold."""

    rated_products: int
    quarantined: int
    of_unknown_products: int


def read_reviews(workspace: Workspace) -> StepReport:
    """The good reviews of known products, ordered by usefulness, and a smoothed rating per product.

    Broken rows lie beside them in `quarantine.parquet` with their reasons.
    """
    read_raw(workspace, ASSET)
    with timed(ASSET) as report:
        raw = workspace.lake.current(raw_asset(ASSET))
        products, latest = workspace.lake.current("products"), latest_time(workspace.clock())

        def make(folder: Path) -> ReviewsFacts:
            raw_rows = RawTable(ASSET, raw.table(), RawFacts.of(raw).dropped)
            checked = separate_broken_rows(raw_rows, latest=latest)
            rows = naming_variants(checked.good, products.table(), each=False)
            listed, unlisted = restrict_to_catalogue(rows, products.table()[col.PRODUCT_ID])
            ordered_by_usefulness(listed).write_parquet(folder / "table.parquet")
            ratings = smoothed_ratings(listed)
            ratings.write_parquet(folder / RATINGS)
            checked.quarantined.write_parquet(folder / QUARANTINE)
            checked.emptied.write_parquet(folder / EMPTIED)
            left_out = {UNKNOWN_PRODUCT: unlisted} if unlisted else {}
            return ReviewsFacts(
                rows=listed.height,
                rated_products=ratings.height,
                quarantined=checked.quarantined.height,
                of_unknown_products=unlisted,
                unknown=unknown_sentence(checked.good, products.table()[col.PRODUCT_ID]),
                **row_facts(checked, left_out),
            )

        made_from = {"raw": raw.digest, "products": products.digest, **future(raw, latest)}
        digest = digest_of({"code": CODE_VERSION, **made_from})
        snapshot, made = workspace.lake.obtain(
            ASSET, digest, lambda folder: make(folder).model_dump(), inputs=[raw, products]
        )
        report.about(snapshot, made)
        report.tables["most useful"] = snapshot.table().drop(col.USER_ID).head(5)
        if not report.rows:
            report.note = "the shop has no reviews: products have no rating, everything else goes on"
    return report
