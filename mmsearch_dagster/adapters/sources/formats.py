"""Every file format of a source, and what reads it; a new format is one entry here and one in `FORMATS`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from mmsearch_dagster.adapters.sources import delimited, json_files, parquet_files
from mmsearch_dagster.core.catalog.source_mapping import Format, TableFile


class Reader(Protocol):
    """Reads the files of one format."""

    @property
    def magic(self) -> bytes | None:
        """The bytes that every such file begins with; None for a text format, which is UTF-8."""
        ...

    def columns(self, path: Path, file: TableFile) -> dict[str, pl.DataType]:
        """Column -> type as the file has them, without reading the rows.

        Raises:
            SourceError: the file cannot be read.
        """
        ...

    def read(self, path: Path, file: TableFile, wanted: Sequence[str]) -> pl.DataFrame:
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


class _Delimited:
    magic = None

    def columns(self, path: Path, file: TableFile) -> dict[str, pl.DataType]:
        return dict.fromkeys(delimited.columns_of(path, file.separator), pl.String())

    def read(self, path: Path, file: TableFile, wanted: Sequence[str]) -> pl.DataFrame:
        return delimited.read(path, file.separator, wanted)


class _Json:
    magic = None

    def columns(self, path: Path, file: TableFile) -> dict[str, pl.DataType]:
        return dict.fromkeys(json_files.columns_of(path, file.format), pl.String())

    def read(self, path: Path, file: TableFile, wanted: Sequence[str]) -> pl.DataFrame:
        return json_files.read(path, file.format, wanted)


class _Parquet:
    magic = b"PAR1"

    def columns(self, path: Path, file: TableFile) -> dict[str, pl.DataType]:
        return parquet_files.types_of(path)

    def read(self, path: Path, file: TableFile, wanted: Sequence[str]) -> pl.DataFrame:
        return parquet_files.read(path, wanted)


# `ubi` is not here: it names its own columns (adapters.sources.ubi).
READERS: Mapping[Format, Reader] = {
    "csv": _Delimited(),
    "tsv": _Delimited(),
    "parquet": _Parquet(),
    "ndjson": _Json(),
    "json": _Json(),
}


def magic_of(form: Format) -> bytes | None:
    """The bytes that every file of the format begins with; None for a text format."""
    reader = READERS.get(form)
    return reader.magic if reader else None
