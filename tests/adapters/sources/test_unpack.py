"""Packed exports: gzip, zip archives of one file, and what else looks like them."""

import gzip
import zipfile
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.sources.unpack import unpacked
from mmsearch_dagster.core.errors import SourceError

TEXT = "sku,name\n1,Mug\n"


def archive(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as zipped:
        for name in names:
            zipped.writestr(name, TEXT)
    return path


def test_what_is_not_packed_is_the_file_itself(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text(TEXT)
    assert unpacked(file, tmp_path / "out") == file
    assert unpacked(tmp_path / "gone.csv", tmp_path) == tmp_path / "gone.csv", "its reader says so"


def test_gzip_and_zip_are_unpacked_beside_the_mapping(tmp_path: Path) -> None:
    packed = tmp_path / "p.csv.gz"
    packed.write_bytes(gzip.compress(TEXT.encode()))
    zipped = archive(tmp_path / "p.zip", "exports/q.csv", "__MACOSX/exports/._q.csv")
    for file, name in ((packed, "p.csv"), (zipped, "q.csv")):
        out = unpacked(file, tmp_path / "out")
        assert (out, out.read_text()) == (tmp_path / "out" / name, TEXT)


def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    out = unpacked(archive(tmp_path / "p.zip", "../../evil.csv"), tmp_path / "out")
    assert out == tmp_path / "out" / "evil.csv"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.csv", "b.csv"], "holds 2 files; unpack it"),
        (["xl/workbook.xml", "xl/a.xml"], "Excel workbook; save its sheet as CSV UTF-8"),
    ],
)
def test_what_is_no_single_file_is_said(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        unpacked(archive(tmp_path / "p.zip", *names), tmp_path)


def test_a_damaged_archive_is_said(tmp_path: Path) -> None:
    for name, content in (("p.gz", gzip.compress(TEXT.encode())[:-9]), ("p.zip", b"PK\x03\x04 nothing")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SourceError, match="cannot be unpacked"):
            unpacked(tmp_path / name, tmp_path / "out")
