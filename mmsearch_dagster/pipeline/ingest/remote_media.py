"""Media that lie at addresses: copied into the home before anything is encoded."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import polars as pl

from mmsearch_dagster.adapters.lake.lineage import current_inputs
from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.mapping.remote_media import full_address, is_address
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, VIDEO
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import Workspace

ASSET = "remote_media"
CODE_VERSION = "1"
_MEDIA = {
    "products": (col.IMAGE_URIS, col.AUDIO_URI, col.VIDEO_URI),
    "queries": (col.IMAGE, col.AUDIO),
    "searches": (col.IMAGE,),
}
_MODALITIES = {col.IMAGE_URIS: IMAGE, col.AUDIO_URI: AUDIO, col.VIDEO_URI: VIDEO}
_ADDRESS = "address"
_SCHEMA = {_ADDRESS: pl.String, "state": pl.String, "reason": pl.String, "sha256": pl.String}


def fetch_media(workspace: Workspace) -> StepReport:
    """A copy of each picture, sound and video of the shop that lies at an address; one row per address.

    What cannot be had is a row with its reason and stops nothing. A shop without addresses asks nobody.
    """
    with timed(ASSET) as report:
        inputs = current_inputs(workspace.lake, _MEDIA)
        addresses = sorted({address for snapshot in inputs.values() for address in _addresses(snapshot)})
        rows = _fetched(workspace, addresses)
        # What is the same tomorrow: not whether it was fetched now or before.
        lasting = rows.select(_ADDRESS, "sha256", pl.col("reason").is_not_null())
        digest = digest_of(
            {
                "code": CODE_VERSION,
                "made_from": {name: snapshot.digest for name, snapshot in inputs.items()},
                "rows": lasting.rows(),
            }
        )
        snapshot, made = workspace.lake.obtain_table(
            ASSET, digest, lambda: (rows, Facts(rows=rows.height).model_dump()), inputs=inputs.values()
        )
        report.about(snapshot, made)
        report.metrics |= dict(Counter(rows["state"]))
        report.tables["not had"] = rows.filter(pl.col("reason").is_not_null()).head(20)
    return report


def _fetched(workspace: Workspace, addresses: list[str]) -> pl.DataFrame:
    if not addresses:
        return pl.DataFrame(schema=_SCHEMA)
    from mmsearch_dagster.adapters.remote_files.fetch_all import fetch_all

    outcomes = fetch_all(addresses, workspace.source.spec.media, workspace.media_cache, workspace.progress)
    return pl.DataFrame(
        [(outcome.address, outcome.state, outcome.reason, outcome.sha256) for outcome in outcomes],
        schema=_SCHEMA,
        orient="row",
    )


def needed_copies(workspace: Workspace, snapshots: Iterable[Snapshot]) -> frozenset[str]:
    """Contents (sha256) of the copies that these snapshots name: as fetched then, and as held now."""
    held = workspace.media_cache.copies()
    needed: set[str | None] = set()
    for snapshot in snapshots:
        if snapshot.asset == ASSET:
            needed |= set(snapshot.table()["sha256"])
        elif snapshot.asset in _MEDIA:
            needed |= {held[address].sha256 for address in _addresses(snapshot) if address in held}
    return frozenset(sha256 for sha256 in needed if sha256)


def _addresses(snapshot: Snapshot) -> set[str]:
    table = snapshot.table()
    return {
        full_address(uri)
        for column in _MEDIA[snapshot.asset]
        for uri in _uris(table, column)[column].unique()
        if is_address(uri)
    }


def _uris(table: pl.DataFrame, column: str) -> pl.DataFrame:
    """The table with one row per uri of a column."""
    exploded = table.explode(column) if isinstance(table.schema[column], pl.List) else table
    return exploded.drop_nulls(column)


def kept_copies(fetched: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """A row for each medium of which an earlier copy is used, because its host gave nothing.

    Returns:
        product_id, modality, uri, reason.
    """
    reason_of = dict(fetched.filter(pl.col("state") == "kept").select(_ADDRESS, "reason").iter_rows())
    rows: list[dict[str, Any]] = []
    for column, modality in _MODALITIES.items() if reason_of else ():
        for product, uri in _uris(products, column).select(col.PRODUCT_ID, column).iter_rows():
            reason = reason_of.get(full_address(uri))
            if reason:
                why = f"an earlier copy is used: {reason}"
                rows.append({col.PRODUCT_ID: product, "modality": modality, "uri": uri, "reason": why})
    schema = {col.PRODUCT_ID: pl.String, "modality": pl.String, "uri": pl.String, "reason": pl.String}
    return pl.DataFrame(rows, schema=schema)
