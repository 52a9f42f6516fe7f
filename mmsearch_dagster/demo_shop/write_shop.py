"""The sample shop on disk: a folder that looks like any customer's export."""

import csv
import io
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mmsearch_dagster.adapters.host.process_pool import chunked, map_in_processes
from mmsearch_dagster.adapters.speech.espeak import can_speak
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import sha256_text
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.progress import PROGRESS, Progress, Silent
from mmsearch_dagster.demo_shop import rows
from mmsearch_dagster.demo_shop.catalogue import Item, make_items, studio_view
from mmsearch_dagster.demo_shop.drawings.picture import Look, View, jpeg
from mmsearch_dagster.demo_shop.log import make_log
from mmsearch_dagster.demo_shop.media import with_media
from mmsearch_dagster.demo_shop.queries import JUDGMENT_FIELDS, DemoQuery, judgment_rows, make_queries
from mmsearch_dagster.demo_shop.reviews import REVIEW_FIELDS, make_reviews
from mmsearch_dagster.demo_shop.spec import StoreSpec, parse_spec
from mmsearch_dagster.demo_shop.write_media import write_media, write_speech

SOURCE = "source.yaml"
STAGE = "sample store"
_MARKER = ".made-from"
# Raise it when the same specification gives other files than before.
_GENERATOR = 2
_LOG = "ubi.ndjson"
# Fewer are drawn sooner than another process begins.
_LEAST_PICTURES = 200

Photo = tuple[str, Look, View]  # relative path, what, how


def write_sample_store(spec_file: Path, folder: Path, progress: Progress = Silent()) -> Path:
    """Writes the shop of `spec_file` into `folder` and returns its `source.yaml`.

    A folder that already holds this very shop is left alone, one that holds an older shop is replaced
    in one step. Raises ConfigError for a wrong specification, and for a folder that holds something else.
    """
    text = _read(spec_file)
    # Without a synthesiser the shop has no voice queries, so it is another one.
    digest = sha256_text(f"{_GENERATOR} spoken={can_speak()}\n{text}")
    if _made_from(folder) == digest:
        return folder / SOURCE
    spec = parse_spec(text, str(spec_file))
    faults = rows.planned_faults(spec, str(spec_file))
    folder.parent.mkdir(parents=True, exist_ok=True)
    for leftover in folder.parent.glob(f".{folder.name}.part-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    part = folder.parent / f".{folder.name}.part-{uuid.uuid4().hex[:8]}"
    _write(spec, faults, part, progress)
    (part / _MARKER).write_text(digest, encoding="utf-8")
    _swap(part, folder)
    return folder / SOURCE


def sample_name(spec_file: Path) -> str:
    """The catalogue that `write_sample_store` would draw. Raises ConfigError for a wrong specification."""
    return parse_spec(_read(spec_file), str(spec_file)).name


def _read(spec_file: Path) -> str:
    try:
        return spec_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{spec_file}: cannot read the sample store's specification: {error}") from error


def _made_from(folder: Path) -> str | None:
    """The digest in the folder's marker; None for no folder or an empty one."""
    marker = folder / _MARKER
    if marker.is_file():
        return marker.read_text(encoding="utf-8").strip()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"{folder}: holds something that is not a sample store; name an empty or new folder"
        )
    return None


def _swap(part: Path, folder: Path) -> None:
    old = part.with_name(part.name + "-old")
    if folder.exists():
        folder.replace(old)
    part.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def _write(spec: StoreSpec, faults: Sequence[str], folder: Path, progress: Progress) -> None:
    made = make_items(spec, spec.products.count + len(faults))
    items, spare = with_media(spec, made[: spec.products.count]), made[spec.products.count :]
    queries = [query for query in make_queries(spec, items) if not query.speech or can_speak()]
    for name in ("images", "queries", "sounds", "videos"):
        (folder / name).mkdir(parents=True)
    export = rows.with_broken_rows(spec, [rows.product_row(spec, item) for item in items], spare, faults)
    _write_csv(folder / "products.csv", rows.PRODUCT_FIELDS, export)
    _write_csv(folder / "reviews.csv", REVIEW_FIELDS, make_reviews(spec, items))
    judged = [row for query in queries for row in judgment_rows(query)]
    _write_csv(folder / "judgments.csv", JUDGMENT_FIELDS, judged)
    held_out = {query.text.lower() for query in queries if query.text and query.split != "train"}
    log = "".join(line + "\n" for line in make_log(spec, items, held_out))
    (folder / _LOG).write_bytes(log.encode())
    (folder / SOURCE).write_bytes(yaml.safe_dump(source_mapping(spec), sort_keys=False).encode())
    photos = [*_product_photos(spec, items), *_query_photos(queries)]
    _draw(photos, folder, spec.picture.size, progress)
    write_media(spec, items, folder, progress)
    write_speech(queries, folder, progress)
    for item, fault in zip(spare, faults, strict=True):
        _draw_spare(spec, item, fault, folder)


def _product_photos(spec: StoreSpec, items: Sequence[Item]) -> Iterator[Photo]:
    for item in items:
        for number, path in enumerate(item.pictures):
            yield path, item.look, studio_view(spec, item, number)


def _query_photos(queries: Sequence[DemoQuery]) -> Iterator[Photo]:
    for query in queries:
        if query.photo:
            yield query.image, *query.photo


def _draw(photos: Sequence[Photo], folder: Path, size: int, progress: Progress) -> None:
    progress.start(STAGE, len(photos))
    chunks = chunked(photos, least=_LEAST_PICTURES)
    map_in_processes(partial(_draw_some, folder, size), chunks, processes=len(chunks), progress=progress)
    progress.finish(STAGE, f"{len(photos)} pictures drawn")


def _draw_some(folder: Path, size: int, photos: Sequence[Photo]) -> None:
    for path, look, view in photos:
        (folder / path).write_bytes(jpeg(look, view, size))
        PROGRESS.get().advance(STAGE, 1)


def _draw_spare(spec: StoreSpec, item: Item, fault: str, folder: Path) -> None:
    """Pictures of a broken row; a truncated one ends in the middle of its data."""
    if fault == rows.TRUNCATED:
        content = jpeg(item.look, studio_view(spec, item, 0), spec.picture.size)
        (folder / "images" / f"{item.product_id}.jpg").write_bytes(content[: len(content) // 3])
    elif fault not in rows.WITHOUT_FILE:
        for path, look, view in _product_photos(spec, [item]):
            (folder / path).write_bytes(jpeg(look, view, spec.picture.size))


def _write_csv(path: Path, fields: Sequence[str], table: Sequence[Mapping[str, str]]) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    path.write_bytes(buffer.getvalue().encode())


def source_mapping(spec: StoreSpec) -> dict[str, Any]:
    """The mapping of the shop's files onto the data contract."""
    same = (col.PRODUCT_ID, col.TITLE, col.DESCRIPTION, col.CATEGORY, col.BRAND, col.PRICE, col.CURRENCY)
    same += (col.LANG, col.IN_STOCK, col.UPDATED_AT)
    attributes = (rows.COLOR, rows.PATTERN, rows.SIZE, rows.MATERIAL, rows.TITLE_ZH)
    products = {
        **{name: name for name in same},
        col.IMAGE_URIS: rows.IMAGES,
        col.AUDIO_URI: rows.SOUND,
        col.VIDEO_URI: rows.VIDEO,
        col.ATTRIBUTES: {name: name for name in attributes},
    }
    return {
        "catalogue": spec.name,
        "tables": {
            "products": [{"path": "products.csv", "columns": products, "list_separator": rows.SEPARATOR}],
            "searches": [{"path": _LOG, "format": "ubi"}],
            "events": [{"path": _LOG, "format": "ubi"}],
            "judgments": [{"path": "judgments.csv", "columns": {name: name for name in JUDGMENT_FIELDS}}],
            "reviews": [{"path": "reviews.csv", "columns": {name: name for name in REVIEW_FIELDS}}],
        },
    }
