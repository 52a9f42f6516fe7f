"""The end of a run: the release, three example searches, and where to look next."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.answers import Query
from mmsearch_dagster.adapters.lake import Lake
from mmsearch_dagster.adapters.released import Released
from mmsearch_dagster.core import columns as c
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.settings import Settings
from mmsearch_dagster.terminal import tables
from mmsearch_dagster.terminal.display import console

_SHOWN = 5


def show(settings: Settings, released: Released) -> None:
    """Release, examples, next steps."""
    manifest = released.manifest()
    console.print(tables.facts(release_facts(manifest), "Release"))
    engine = released.engine()
    for title, query in _examples(settings, Path(manifest.media_root or ".")):
        try:
            console.print(tables.answer(engine.search(query, k=_SHOWN), title))
        except QueryError as error:
            console.print(f"[dim]{title}: {error}[/]")
    console.print(
        f"Next: `mmsearch up --home {settings.home}` opens Dagster (http://127.0.0.1:3000), MLflow "
        "(http://127.0.0.1:5000) and the search page (http://127.0.0.1:8000).",
        highlight=False,
    )


def release_facts(manifest: ReleaseManifest) -> list[tuple[str, str]]:
    """What a person wants to know about a release first."""
    index = manifest.index
    return [
        ("release", manifest.release_id),
        ("catalogue", manifest.catalogue),
        ("model", f"mmsearch version {manifest.model_version} ({manifest.strategy})"),
        (
            "index",
            f"{index.table} version {index.version}, {index.rows:,} rows, vector index: {index.vector_index}"
            if index
            else "-",
        ),
        ("products", f"snapshot {manifest.snapshots.get('products', '-')}"),
        ("encoders", ", ".join(f"{one.modality} {one.fingerprint}" for one in manifest.encoders)),
        ("parent", manifest.parent or "-"),
    ]


def _examples(settings: Settings, root: Path) -> Iterator[tuple[str, Query]]:
    """One query of each kind, from the judged ones, or made of the first products."""
    lake = Lake(settings.paths.lake)
    judged = lake.current("queries").table().unique(c.QUERY_ID, keep="first", maintain_order=True)
    has_text, has_image = pl.col(c.QUERY_TEXT).is_not_null(), pl.col(c.IMAGE).is_not_null()
    for title, wanted in (
        ("words", has_text & ~has_image),
        ("photo", has_image & ~has_text),
        ("words and photo", has_text & has_image),
    ):
        rows = (
            judged.filter(wanted)
            .sort(pl.col(c.SPLIT) != "validation", maintain_order=True)
            .head(1)
            .to_dicts()
        )
        row = rows[0] if rows else _from_catalogue(lake, title)
        picture = root / row[c.IMAGE] if row.get(c.IMAGE) else None
        content = picture.read_bytes() if picture is not None and picture.is_file() else None
        asked = " + ".join(part for part in (row.get(c.QUERY_TEXT), row.get(c.IMAGE)) if part)
        if asked:
            yield f"{title}: {asked}", Query(text=row.get(c.QUERY_TEXT), image=content)


def _from_catalogue(lake: Lake, title: str) -> dict[str, str]:
    products = lake.current("products").table()
    titled = products.drop_nulls(c.TITLE)[c.TITLE].head(1).to_list() if "words" in title else []
    pictured = (
        products.filter(pl.col(c.IMAGE_URIS).list.len() > 0)[c.IMAGE_URIS].head(1).to_list()
        if "photo" in title
        else []
    )
    row = {c.QUERY_TEXT: titled[0]} if titled else {}
    return row | ({c.IMAGE: pictured[0][0]} if pictured else {})
