"""Every medium that no encoder could read, in one table with its reason."""

from typing import Any

import polars as pl

from mmsearch_dagster.adapters.lake.lineage import current_inputs
from mmsearch_dagster.adapters.lake.snapshots import Facts
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.media.media_limits import FILES
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, VIDEO
from mmsearch_dagster.pipeline.features.encode import FAILURES, asset_of
from mmsearch_dagster.pipeline.ingest import remote_media
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import Workspace

ASSET = "media_quarantine"
CODE_VERSION = "3"
_SCHEMA = {col.PRODUCT_ID: pl.String, "modality": pl.String, "uri": pl.String, "reason": pl.String}


class MediaQuarantineFacts(Facts):
    """Modality -> how many files cannot be read, and how many the catalogue names."""

    left_out: dict[str, int]
    files: dict[str, int]


def quarantine_media(workspace: Workspace) -> tuple[StepReport, list[dict[str, Any]]]:
    """What the current features left out, and per kind of file whether its share is within the limits.

    The files' reasons are the features' own: nothing is read again. An earlier copy that is used because its
    host gave nothing has a row too; it is not left out.
    """
    current = current_inputs(workspace.lake, ["products", remote_media.ASSET, *map(asset_of, FILES)])
    features, products = {modality: current[asset_of(modality)] for modality in FILES}, current["products"]
    fetched = current[remote_media.ASSET]
    with timed(ASSET) as report:
        digest = digest_of(
            {
                "code": CODE_VERSION,
                "products": products.digest,
                "features": {modality: snapshot.digest for modality, snapshot in features.items()},
                "fetched": fetched.digest,
            }
        )

        def make() -> tuple[pl.DataFrame, dict[str, Any]]:
            parts = [
                pl.read_parquet(snapshot.folder / FAILURES).with_columns(modality=pl.lit(modality))
                for modality, snapshot in features.items()
            ]
            kept = remote_media.kept_copies(fetched.table(), products.table())
            broken = pl.concat([part.select(*_SCHEMA) for part in [*parts, kept]]).sort(
                "modality", "uri", col.PRODUCT_ID
            )
            counts = {modality: part.height for modality, part in zip(features, parts, strict=True)}
            stored = MediaQuarantineFacts(rows=broken.height, left_out=counts, files=_files(products.table()))
            return broken, stored.model_dump()

        inputs = [products, fetched, *features.values()]
        snapshot, made = workspace.lake.obtain_table(ASSET, digest, make, inputs=inputs)
        report.about(snapshot, made)
        report.tables["reasons"] = _reasons(snapshot.table())
        report.tables["rows"] = snapshot.table().head(20)
    stored = MediaQuarantineFacts.of(snapshot)
    return report, [_check(workspace, modality, stored) for modality in FILES]


def _files(products: pl.DataFrame) -> dict[str, int]:
    """How many files of each kind the catalogue names."""
    images = products[col.IMAGE_URIS].list.len().sum()
    return {
        IMAGE: int(images or 0),
        AUDIO: products[col.AUDIO_URI].drop_nulls().len(),
        VIDEO: products[col.VIDEO_URI].drop_nulls().len(),
    }


def _reasons(broken: pl.DataFrame) -> pl.DataFrame:
    """Most frequent first."""
    counted = broken.group_by("modality", "reason").agg(pl.len().alias("files"))
    return counted.sort("files", "modality", "reason", descending=[True, False, False]).head(20)


def _check(workspace: Workspace, modality: str, stored: MediaQuarantineFacts) -> dict[str, Any]:
    broken, files = stored.left_out[modality], stored.files[modality]
    limit = workspace.media_limits.of(modality)
    share = broken / files if files else 0.0
    return {
        "name": check_name(modality),
        "passed": workspace.media_limits.kept(modality, broken, files),
        "severity": "warn",
        "text": f"{broken:,} of {files:,} {FILES[modality]} cannot be read ({share:.1%}, limit {limit:.1%})",
        "figures": {"left out": broken, "files": files, "share": round(share, 4), "limit": limit},
    }


def check_name(modality: str) -> str:
    """Name of the check of one kind of file."""
    return f"readable_{modality}"
