"""The folders of a shop's pictures, sounds and videos, each seen as one thing that may have changed."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.media.file_names import spellings
from mmsearch_dagster.core.triggers.source_watch import FileStamp

_COLUMNS = {"products": (col.IMAGE_URIS, col.AUDIO_URI, col.VIDEO_URI), "queries": (col.IMAGE, col.AUDIO)}
# Of more folders than these each would cost a line in every look that is remembered.
_MOST_GROUPS = 20


def media_stamps(lake: Lake, root: Path) -> dict[str, FileStamp | None]:
    """What a look sees of the folders that the current catalogue and judged queries have media in.

    Args:
        lake: of the home.
        root: what the uris of media are relative to.

    Returns:
        Name of a folder below `root`, with a slash at its end -> stamp of all media in it; None where it
        cannot be read now.
    """
    folders, endings = set[str](), set[str]()
    for asset in _COLUMNS:
        try:
            named = _named(str(lake.current(asset).table_path), asset)
        except (MmsearchError, OSError):  # nothing was read yet, or it is being removed
            continue
        folders |= named[0]
        endings |= named[1]
    return dict(_stamps(root, _groups(folders), frozenset(endings)))


@lru_cache(maxsize=4)
def _named(table: str, asset: str) -> tuple[frozenset[str], frozenset[str]]:
    """Folders and endings of the media that a table names; a snapshot never changes."""
    frame = pl.read_parquet(table, columns=list(_COLUMNS[asset]))
    uris = {uri for column in frame for uri in column.explode().drop_nulls().unique() if "://" not in uri}
    slashed = [uri.replace("\\", "/") for uri in uris]
    return (
        frozenset(uri.rpartition("/")[0] for uri in slashed),
        frozenset(os.path.splitext(uri)[1].lower() for uri in slashed),
    )


def _groups(folders: Iterable[str]) -> dict[str, list[str]]:
    """Folders by the first part of their names, or all together where these are many."""
    groups: dict[str, list[str]] = {}
    for folder in sorted(folders):
        groups.setdefault(folder.partition("/")[0] or ".", []).append(folder)
    return groups if len(groups) <= _MOST_GROUPS else {".": sorted(folders)}


def _stamps(
    root: Path, groups: dict[str, list[str]], endings: frozenset[str]
) -> Iterator[tuple[str, FileStamp | None]]:
    for name, folders in groups.items():
        try:
            lines = sorted(line for folder in folders for line in _listed(root, folder, endings))
        except OSError:
            yield f"{name}/", None
            continue
        digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
        yield f"{name}/", FileStamp(size=len(lines), digest=digest)


def _listed(root: Path, folder: str, endings: frozenset[str]) -> Iterator[str]:
    """A line for each of its files: name, size, time. Raises OSError where the folder is not there."""
    names = [name for name in spellings(folder) if (root / name).is_dir()] if folder else ["."]
    with os.scandir(root / (names[0] if names else folder)) as entries:
        for entry in entries:
            if os.path.splitext(entry.name)[1].lower() in endings and entry.is_file():
                status = entry.stat()
                yield f"{folder}/{entry.name}\t{status.st_size}\t{status.st_mtime_ns}"
