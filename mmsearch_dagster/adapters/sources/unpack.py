"""Exports that come packed: gzip, or a zip archive of one file."""

import gzip
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import IO

from mmsearch_dagster.core.catalog.mapping.file import FORMATS
from mmsearch_dagster.core.errors import SourceError, reason_of

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_WORKBOOK = "xl/workbook.xml"
# Where one of these lies in an archive beside pictures or a note, it is meant.
_TABLES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
# What programs put into archives beside the file itself.
_BESIDE = ("__MACOSX/", ".DS_Store")


def unpacked(path: Path, folder: Path) -> Path:
    """The file itself, or where it was unpacked to.

    Args:
        path: any file.
        folder: where what is packed is put.

    Raises:
        SourceError: an archive that is damaged or holds not one file, or an Excel workbook.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head.startswith(_GZIP):
            with gzip.open(path) as packed:
                return _written(packed, folder / _without_suffix(path, ".gz"))
        return _from_zip(path, folder) if head == _ZIP else path
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        if not path.is_file():
            return path  # said by whoever reads it
        raise SourceError(f"{path}: cannot be unpacked ({reason_of(error)})") from error


def _without_suffix(path: Path, suffix: str) -> str:
    return path.stem if path.suffix.lower() == suffix else f"{path.name}.unpacked"


def _from_zip(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        if _WORKBOOK in names:
            raise SourceError(f"{path}: is an Excel workbook; save its sheet as CSV UTF-8 and give that")
        files = [name for name in names if not any(beside in name for beside in _BESIDE)]
        files = [name for name in files if name.lower().endswith(_TABLES)] or files
        if len(files) != 1:
            raise SourceError(f"{path}: holds {len(files)} files; unpack it and name those that are meant")
        with archive.open(files[0]) as packed:
            return _written(packed, folder / Path(files[0]).name)


def _written(packed: IO[bytes] | gzip.GzipFile, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as copy:
        shutil.copyfileobj(packed, copy)
    return target
