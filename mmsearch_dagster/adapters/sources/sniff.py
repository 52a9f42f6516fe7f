"""What a file is by its first bytes, so that a picture called .csv is refused before anything is read."""

from codecs import BOM_UTF8
from pathlib import Path

from mmsearch_dagster.core.catalog.mapping.file import Format
from mmsearch_dagster.core.errors import SourceError

_HEAD = 65_536
# A few zero bytes are a fault of the export and mean nothing; more are another kind of file.
_STRAY = 0.05
_PARQUET, _TAR_AT = b"PAR1", 257
_MAGIC = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "gzip-compressed; unpack it",
    b"\x28\xb5\x2f\xfd": "zstd-compressed; unpack it",
    _PARQUET: "Parquet; set format: parquet",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook or another Office file; save its sheet as CSV UTF-8",
    b"PK\x05\x06": "an empty zip archive",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"BZh9": "bzip2-compressed; unpack it",
    b"\xfd7zXZ": "xz-compressed; unpack it",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def check_kind(path: Path, head: bytes) -> None:
    """Refuses what is plainly no text, by the bytes that it begins with.

    Raises:
        SourceError: the file is a picture, an archive, a workbook, or the like.
    """
    kinds = (kind for magic, kind in _MAGIC.items() if magic != _PARQUET and head.startswith(magic))
    kind = next(kinds, "a tar archive; unpack it" if head[_TAR_AT:].startswith(b"ustar") else None)
    if kind is not None:
        raise SourceError(f"{path}: is no export but {kind}")


def check_file(path: Path, form: Format, magic: bytes | None = None, *, encoding: str = "utf-8-sig") -> None:
    """Refuses what is plainly no file of this format, by its first 64 KiB.

    Args:
        path: the file. form: the format that the source names.
        magic: the bytes that every file of the format begins with; None for a text format.
        encoding: of a text format.
    Raises:
        SourceError: the file is absent, empty, or of another kind.
    """
    try:
        if not path.is_file():
            raise SourceError(f"{path}: no such file; check path in the source file, or --root")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    if not head.removeprefix(BOM_UTF8).strip():
        raise SourceError(f"{path}: the file is empty")
    if magic is not None:
        if not head.startswith(magic):
            raise SourceError(f"{path}: is not a {form.capitalize()} file")
        return
    _check_text(path, head, form, wide=encoding.startswith(("utf-16", "utf-32")))


def _check_text(path: Path, head: bytes, form: Format, *, wide: bool) -> None:
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise SourceError(f"{path}: is not {form} but {what}")
    if wide:
        return
    if head.startswith(_UTF16):
        raise SourceError(f"{path}: is UTF-16 text; save it as UTF-8, or set encoding: utf-16")
    if head.count(0) > _STRAY * len(head):
        raise SourceError(f"{path}: holds zero bytes, so it is binary or UTF-16; save it as UTF-8 text")
