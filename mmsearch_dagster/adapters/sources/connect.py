"""From exports to a `source.yaml` for review."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mmsearch_dagster.adapters.sources.look import look_at, written_how
from mmsearch_dagster.core.catalog.columns import IMAGE_URIS
from mmsearch_dagster.core.catalog.recognise.by_names import what_is_missing
from mmsearch_dagster.core.catalog.recognise.draft import FileLook, TableDraft, inputs_of
from mmsearch_dagster.core.catalog.recognise.recognise import recognise
from mmsearch_dagster.core.errors import SourceError

_HEADER = """\
# Written by `mmsearch connect` for review: read it, mend it, keep it with the shop's files.
# What each key means: docs/your-shop.md. Then: mmsearch run --source {name}{root}
"""


# Where programs keep pictures, beside an export that names them without their folder.
_PICTURE_FOLDERS = (
    "pub/media/catalog/product", "media/catalog/product", "catalog/product", "media", "images", "pictures",
    "img",
)  # fmt: skip


class _Plain(yaml.SafeDumper):
    """Writes what stands twice twice: a person reads it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@dataclass(frozen=True)
class Connected:
    """One file: what was seen of it, and its drafted mapping. written: how it is written."""

    path: Path
    written: dict[str, Any]
    look: FileLook
    draft: TableDraft


def connect(files: Sequence[Path]) -> list[Connected]:
    """What each file is.

    Args:
        files: exports.

    Raises:
        SourceError: a file cannot be read, or is nothing that can be mapped by its columns.
    """
    return [export for file in files for export in _connect(file)]


def _connect(path: Path) -> list[Connected]:
    written = written_how(path)
    if written["format"] == "ubi":
        drafts = [TableDraft("UBI log", table, {}, "sure") for table in ("searches", "events")]
        return [Connected(path, written, FileLook(path.name, ()), draft) for draft in drafts]
    look = look_at(path, written)
    if not look.present(*look.columns):
        raise SourceError(
            f"{path}: holds a header and no row below it that can be read ({', '.join(look.columns)})"
        )
    draft = recognise(look)
    if draft is None:
        columns = ", ".join(look.columns)
        raise SourceError(
            f"{path}: is no export that is known, and has {what_is_missing(look)} ({columns}); "
            "rename a column (sku, name, image), or write the mapping by hand: docs/your-shop.md#the-mapping"
        )
    return [Connected(path, written, look, draft)]


def catalogue_name(path: Path) -> str:
    """A name for the catalogue from that of a file: small letters, digits and `_`."""
    return re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_")[:60] or "shop"


def as_yaml(
    connected: Sequence[Connected], catalogue: str, target: Path, *, allow_private: bool = False
) -> str:
    """The text of a `source.yaml`.

    Args:
        connected: the files.
        catalogue: its name.
        target: where it will lie; paths are relative to its folder where they are below it.
        allow_private: pictures may also lie on this machine and in private networks.
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    for export in connected:
        tables.setdefault(export.draft.table, []).append(_file_entry(export, target.parent))
    entries = {table: files[0] if len(files) == 1 else files for table, files in tables.items()}
    hosts = sorted({host for export in connected for host in export.draft.media_hosts(export.look)})
    private = {"allow_private": True} if allow_private else {}
    media = {"media": {"hosts": hosts, **private}} if hosts else {}
    document = {"catalogue": catalogue, "tables": entries, **media}
    text = yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
    return _HEADER.format(name=target.name, root="") + text


def _with_base(export: Connected) -> dict[str, Any]:
    """The mapping with the folder that pictures are below, where they lie in one of the usual ones."""
    feed = export.draft.mapping.get("columns", {}).get(IMAGE_URIS)
    example = next(
        (export.look.examples[name] for name in inputs_of(feed or []) if name in export.look.examples), ""
    )
    name = re.split(r"[,;|]", example)[0].strip().lstrip("/")
    here = export.path.resolve().parent
    if not name or "//" in example or (here / name).is_file():
        return export.draft.mapping
    base = next((base for base in _PICTURE_FOLDERS if (here / base / name).is_file()), None)
    if base is None:
        return export.draft.mapping
    based = {**(feed if isinstance(feed, dict) else {"column": feed}), "base": base}
    return {**export.draft.mapping, "columns": {**export.draft.mapping["columns"], IMAGE_URIS: based}}


def _file_entry(export: Connected, folder: Path) -> dict[str, Any]:
    path = export.path.resolve()
    inside = path.is_relative_to(folder.resolve())
    shown = os.path.relpath(path, folder.resolve()) if inside else str(path)
    written = dict(export.written)
    if path.suffix.lower() == f".{written['format']}" or (path.suffix, written["format"]) == (
        ".jsonl",
        "ndjson",
    ):
        del written["format"]
    entry = {"path": Path(shown).as_posix(), **written}
    mapping = export.draft.mapping if path.parent != folder.resolve() else _with_base(export)
    if "joins" in mapping:
        mapping = {**mapping, "joins": [{**entry, **join} for join in mapping["joins"]]}
    return {**entry, **mapping}
