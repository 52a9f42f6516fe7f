"""The steps `*_features`: encodes what the catalogue holds, each content once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.feature_store.feature_keys import write_keys
from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.mapping.remote_media import full_address, is_address, refusal
from mmsearch_dagster.core.digest import digest_of, sha256_text
from mmsearch_dagster.core.modalities import AUDIO, COLLABORATIVE, IMAGE, TEXT, VIDEO
from mmsearch_dagster.core.text.preparation import item_text
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import Workspace, remote_copy

if TYPE_CHECKING:
    from mmsearch_dagster.core.encoders.protocol import Content, Encoder, EncoderSpec
    from mmsearch_dagster.core.release import EncoderIdentity

VECTOR = "vector"
FAILURES = "failures.parquet"
CODE_VERSION = "3"
_PICTURE = "pictures.png"
_SHOWN = 18
_MEDIA = {AUDIO: col.AUDIO_URI, VIDEO: col.VIDEO_URI}
# A file is read into memory whole, two at a time.
_LARGEST_FILE = 1_000_000_000


class FeatureFacts(Facts):
    """What is stored with the vectors of a modality.

    encoder: fingerprint of what made them, None where there are none. frames: how many vectors stand side by
    side in a row, None where it is a single one.
    """

    encoded_now: int = 0
    used_again: int = 0
    left_out: int = 0
    items_per_second: float | None = None
    encoder: str | None = None
    frames: int | None = None


def product_text(row: dict[str, Any]) -> str:
    """All that is known about a product in words."""
    return item_text(
        row[col.TITLE],
        brand=row[col.BRAND],
        category=row[col.CATEGORY],
        attributes=row[col.ATTRIBUTES] or [],
        description=row[col.DESCRIPTION],
    )


def asset_of(modality: str) -> str:
    """Name of the asset with one modality's vectors."""
    return "collaborative_factors" if modality == COLLABORATIVE else f"{modality}_features"


def encode_catalogue(workspace: Workspace, modality: str) -> StepReport:
    """One vector per product that has this modality; several pictures of a product are as many rows."""
    return _encode_products(workspace, modality, workspace.encoder(modality), asset_of(modality))


def encode_for_release(workspace: Workspace, identity: "EncoderIdentity") -> Snapshot:
    """Vectors of the current products by a release's encoder, where this run may have another one.

    Raises ReleaseMismatchError or ConfigError when that encoder is not here.
    """
    from mmsearch_dagster.adapters.models.load import spec_of

    asset = f"released_{asset_of(identity.modality)}"
    spec = spec_of(identity, workspace.paths.encoder_cache)
    _encode_products(workspace, identity.modality, spec, asset)
    return workspace.lake.current(asset)


def encode_part(
    workspace: Workspace, spec: "EncoderSpec", products: pl.DataFrame, load: "Callable[[], Encoder]"
) -> tuple[int, int, int]:
    """Fills the feature store with some products' vectors by any encoder; no asset is made of them.

    Args:
        workspace: the home.
        spec: the encoder.
        products: rows of the products table.
        load: called where something is to be encoded.

    Returns:
        How many contents were encoded now, were there already, and cannot be encoded.
    """
    contents = [content for _, _, content in _contents(workspace, products, spec)]
    stage = f"upgrade {asset_of(spec.modality)}"
    read = workspace.features.obtain(workspace.identity(spec), contents, load, workspace.progress, stage)
    return read.encoded, read.reused, len(read.failures)


def _encode_products(
    workspace: Workspace, modality: str, spec: "EncoderSpec | None", asset: str
) -> StepReport:
    with timed(asset) as report:
        products = workspace.lake.current("products")
        facts: dict[str, Any] = {"code": CODE_VERSION, "products": products.digest, "encoder": None}
        table = products.table()
        contents = list(_contents(workspace, table, spec)) if spec else []
        if spec is not None and contents:
            facts["encoder"] = workspace.identity(spec).fingerprint
            facts["contents"] = digest_of({"all": sorted((p, x.key) for p, _, x in contents)})

        def make(folder: Path) -> dict[str, Any]:
            return _encode(workspace, spec, contents, folder).model_dump()

        snapshot, made = workspace.lake.obtain(asset, digest_of(facts), make, inputs=[products])
        report.about(snapshot, made)
        if not made:
            report.metrics |= {"encoded now": 0}
        failures = pl.read_parquet(snapshot.folder / FAILURES)
        if failures.height:
            report.tables["left out"] = failures
        if modality == IMAGE and contents:
            report.images["pictures"] = (snapshot.folder / _PICTURE).read_bytes()
    return report


def _contents(
    workspace: Workspace, products: pl.DataFrame, spec: "EncoderSpec"
) -> Iterator[tuple[str, str, "Content"]]:
    """(product, where it stands, content) of everything to encode; files that are gone are skipped later."""
    from mmsearch_dagster.adapters.feature_store.feature_store import file_content, text_content

    for row in products.iter_rows(named=True):
        if spec.modality == TEXT:
            if row[col.TITLE] or row[col.DESCRIPTION]:
                yield row[col.PRODUCT_ID], col.TITLE, text_content(spec.item_text(product_text(row)))
        elif spec.modality == IMAGE:
            for uri in row[col.IMAGE_URIS] or []:
                path = _file_of(workspace, uri)
                yield (
                    row[col.PRODUCT_ID],
                    uri,
                    file_content(path, uri) if path else _elsewhere(workspace, uri),
                )
        elif uri := row[_MEDIA[spec.modality]]:
            path = _file_of(workspace, uri)
            yield row[col.PRODUCT_ID], uri, _media_content(path, uri) if path else _elsewhere(workspace, uri)


def _file_of(workspace: Workspace, uri: str) -> Path | None:
    """Where a medium lies; None where it is not below the shop's folder and no copy of it is in the home."""
    return remote_copy(workspace, uri) if is_address(uri) else workspace.source.media(uri)


def _elsewhere(workspace: Workspace, uri: str) -> "Content":
    """A medium that is not here: never read, with its reason."""
    from mmsearch_dagster.core.encoders.protocol import Content

    why = f"'{uri[:80]}' does not lie below the shop's folder"
    if is_address(uri):
        address = full_address(uri)
        copy = workspace.media_cache.copies().get(address)
        refused = refusal(address, workspace.source.spec.media)
        why = refused or (copy.problem if copy else None) or "it was not fetched yet"
        why = f"cannot be fetched: {why}"

    def refuse() -> bytes:
        raise OSError(why)

    return Content(sha256_text(f"elsewhere {uri}"), refuse, missing=why)


def _media_content(path: Path, uri: str) -> "Content":
    """A sound or video file; one too large to be read has that as its reason."""
    from mmsearch_dagster.adapters.feature_store.feature_store import file_content
    from mmsearch_dagster.core.encoders.protocol import Content

    size = path.stat().st_size if path.is_file() else 0
    if size <= _LARGEST_FILE:
        return file_content(path, uri)

    why = f"{size / 1e9:.1f} GB, the limit is {_LARGEST_FILE / 1e9:.0f} GB"
    return Content(sha256_text(f"too large {uri} {size}"), path.read_bytes, missing=f"cannot be read: {why}")


def _encode(
    workspace: Workspace,
    spec: "EncoderSpec | None",
    contents: list[tuple[str, str, "Content"]],
    folder: Path,
) -> FeatureFacts:
    if spec is None or not contents:
        _write(folder, [], [], width=1)
        return FeatureFacts()
    identity = workspace.identity(spec)
    read = workspace.features.obtain(
        identity,
        [content for _, _, content in contents],
        workspace.loader(spec),
        workspace.progress,
        asset_of(spec.modality),
    )
    encoded: list[tuple[str, np.ndarray]] = []
    failures = []
    for product, uri, content in contents:
        if content.key in read.vectors:
            encoded.append((product, read.vectors[content.key]))
        else:
            failures.append({col.PRODUCT_ID: product, "uri": uri, "reason": read.failures[content.key]})
    _write(folder, encoded, failures, width=identity.width)
    write_keys(folder, identity.fingerprint, read.vectors)
    if spec.modality == IMAGE:
        (folder / _PICTURE).write_bytes(_sheet(contents))
    return FeatureFacts(
        rows=len(encoded),
        encoded_now=read.encoded,
        used_again=read.reused,
        left_out=len(failures),
        items_per_second=round(read.encoded / read.seconds, 1) if read.encoded and read.seconds else None,
        encoder=identity.fingerprint,
        frames=spec.frames if spec.modality == VIDEO and encoded else None,
    )


def _write(
    folder: Path, vectors: list[tuple[str, np.ndarray]], failures: list[dict[str, str]], *, width: int
) -> None:
    """Rows by product, the pictures of each in the order that the shop gives."""
    ordered = sorted(vectors, key=lambda pair: pair[0])
    ids = [product for product, _ in ordered]
    matrix = np.stack([vector for _, vector in ordered]) if ids else np.zeros((0, width), np.float32)
    frame = pl.DataFrame(
        {col.PRODUCT_ID: ids, VECTOR: matrix},
        schema={col.PRODUCT_ID: pl.String, VECTOR: pl.Array(pl.Float32, width)},
    )
    frame.write_parquet(folder / "table.parquet")
    schema = {col.PRODUCT_ID: pl.String, "uri": pl.String, "reason": pl.String}
    pl.DataFrame(failures, schema=schema).write_parquet(folder / FAILURES)


def _sheet(contents: list[tuple[str, str, "Content"]]) -> bytes:
    from mmsearch_dagster.adapters.reports.charts import contact_sheet

    step = max(1, len(contents) // _SHOWN)
    shown = []
    for product, _, content in contents[::step][:_SHOWN]:
        try:
            shown.append((product, content.read()))
        except OSError:
            continue
    return contact_sheet(shown)
