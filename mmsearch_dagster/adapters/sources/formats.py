"""Every file format of a source, and what reads it; a new format is one entry here and one in `FORMATS`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from mmsearch_dagster.adapters.sources import delimited, json_files, parquet_files, xml_files
from mmsearch_dagster.core.catalog.mapping.file import DATABASE, Format, SourceFile


class Reader(Protocol):
    """Reads the files of one format."""

    @property
    def magic(self) -> bytes | None:
        """The bytes that every such file begins with; None for a text format, which is UTF-8."""
        ...

    def columns(self, path: Path, file: SourceFile) -> dict[str, pl.DataType]:
        """Column -> type as the file has them, without reading the rows.

        Raises:
            SourceError: the file cannot be read.
        """
        ...

    def check_wanted(self, path: Path, file: SourceFile, wanted: Sequence[str]) -> None:
        """Refuses a wanted column that cannot be told from another.

        Raises:
            SourceError: the file names it twice.
        """
        ...

    def read(self, path: Path, file: SourceFile, wanted: Sequence[str]) -> pl.DataFrame:
        """The rows of the file.

        Args:
            path: the file. file: its entry in `source.yaml`.
            wanted: the columns to read.
        Returns:
            The wanted columns, NUMBER (int64, the record's number from 1) and BROKEN (why a record could
            not be read, or null).
        Raises:
            SourceError: the file cannot be read.
        """
        ...


class _UniqueNames:
    """A format whose columns cannot have one name twice."""

    def check_wanted(self, path: Path, file: SourceFile, wanted: Sequence[str]) -> None:
        """Nothing to refuse."""


class _Delimited:
    magic = None

    def columns(self, path: Path, file: SourceFile) -> dict[str, pl.DataType]:
        return dict.fromkeys(delimited.columns_of(path, file.separator, file.encoding), pl.String())

    def read(self, path: Path, file: SourceFile, wanted: Sequence[str]) -> pl.DataFrame:
        return delimited.read(path, file.separator, wanted, file.encoding)

    def check_wanted(self, path: Path, file: SourceFile, wanted: Sequence[str]) -> None:
        delimited.check_wanted(path, file.separator, wanted, file.encoding)


class _Json(_UniqueNames):
    magic = None

    def columns(self, path: Path, file: SourceFile) -> dict[str, pl.DataType]:
        return dict.fromkeys(json_files.columns_of(path, file.format, file.records), pl.String())

    def read(self, path: Path, file: SourceFile, wanted: Sequence[str]) -> pl.DataFrame:
        return json_files.read(path, file.format, wanted, file.records, nested=file.nested)


class _Parquet(_UniqueNames):
    magic = b"PAR1"

    def columns(self, path: Path, file: SourceFile) -> dict[str, pl.DataType]:
        return parquet_files.types_of(path)

    def read(self, path: Path, file: SourceFile, wanted: Sequence[str]) -> pl.DataFrame:
        return parquet_files.read(path, wanted)


class _Xml(_UniqueNames):
    magic = None

    def columns(self, path: Path, file: SourceFile) -> dict[str, pl.DataType]:
        return dict.fromkeys(xml_files.columns_of(path, file.records), pl.String())

    def read(self, path: Path, file: SourceFile, wanted: Sequence[str]) -> pl.DataFrame:
        return xml_files.read(path, file.records, wanted)


class _DatabaseCopy(_UniqueNames):
    """A copy of rows of a database: Parquet, or lines of JSON from MongoDB."""

    magic = None

    def columns(self, path: Path, file: SourceFile) -> dict[str, pl.DataType]:
        return _reader_of(path).columns(path, _copied(file))

    def read(self, path: Path, file: SourceFile, wanted: Sequence[str]) -> pl.DataFrame:
        return _reader_of(path).read(path, _copied(file), wanted)


def _reader_of(path: Path) -> "_Json | _Parquet":
    return _Json() if path.suffix == ".ndjson" else _Parquet()


def _copied(file: SourceFile) -> SourceFile:
    return file.model_copy(update={"format": "ndjson", "records": None})


# `ubi` is not here: it names its own columns (adapters.sources.ubi).
READERS: Mapping[Format, Reader] = {
    "csv": _Delimited(),
    "tsv": _Delimited(),
    "parquet": _Parquet(),
    "ndjson": _Json(),
    "json": _Json(),
    "xml": _Xml(),
    DATABASE: _DatabaseCopy(),
}


def magic_of(form: Format) -> bytes | None:
    """The bytes that every file of the format begins with; None for a text format."""
    reader = READERS.get(form)
    return reader.magic if reader else None
