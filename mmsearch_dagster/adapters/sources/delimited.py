"""CSV and TSV: polars reads them; where it fails, a slower reader finds and reports the broken row."""

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from mmsearch_dagster.core.catalog.cast_table import BROKEN, NUMBER
from mmsearch_dagster.core.catalog.row_rules import UNREADABLE
from mmsearch_dagster.core.errors import SourceError, reason_of

_NOT_BROKEN = pl.lit(None, dtype=pl.String).alias(BROKEN)


def _scan(path: Path, separator: str) -> pl.LazyFrame:
    return pl.scan_csv(path, separator=separator, infer_schema=False, row_index_name=NUMBER, glob=False)


def columns_of(path: Path, separator: str) -> list[str]:
    """The header. Raises SourceError when it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file, delimiter=separator, strict=True), [])
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    except csv.Error as error:
        raise SourceError(f"{path}: the header cannot be read ({reason_of(error)})") from error
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise SourceError(f"{path}: the header names column '{doubled[0]}' twice")
    return header


def read(path: Path, separator: str, wanted: Sequence[str]) -> pl.DataFrame:
    """Reads columns of a file of delimited text; blank lines are left out.

    Args:
        path: the file.
        separator: between two fields.
        wanted: names of columns.

    Returns:
        The columns as text, plus NUMBER (data rows from 1) and BROKEN: why a row could not be read, as one
        with more fields than the header.

    Raises:
        SourceError: the text is not UTF-8, or a quote never closes.
    """
    try:
        scan = _scan(path, separator)
        blank = pl.all_horizontal(pl.exclude(NUMBER).is_null())
        number = (pl.col(NUMBER).cast(pl.Int64) + 1).alias(NUMBER)
        return scan.filter(~blank).select(number, _NOT_BROKEN, *wanted).collect(engine="streaming")
    except pl.exceptions.PolarsError:
        return _read_slowly(path, separator, wanted)


@contextmanager
def _unlimited_fields() -> Iterator[None]:
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_slowly(path: Path, separator: str, wanted: Sequence[str]) -> pl.DataFrame:
    columns: dict[str, list[str | None]] = {name: [] for name in wanted}
    numbers: list[int] = []
    broken: list[str | None] = []
    for number, header, fields in _rows(path, separator):
        problem = _too_long(header, fields)
        numbers.append(number)
        broken.append(problem)
        values = {} if problem else dict(zip(header, fields, strict=False))
        for name in wanted:
            columns[name].append(values.get(name) or None)
    schema = {NUMBER: pl.Int64, BROKEN: pl.String, **dict.fromkeys(wanted, pl.String)}
    return pl.DataFrame({NUMBER: numbers, BROKEN: broken, **columns}, schema=schema)


def _too_long(header: Sequence[str], fields: Sequence[str]) -> str | None:
    if len(fields) <= len(header):
        return None
    return f"{UNREADABLE}{len(fields)} fields under a header of {len(header)}"


def _rows(path: Path, separator: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """(number, header, fields) of every data row, by the standard library's strict reader."""
    line = 0
    try:
        with _unlimited_fields(), path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            header = next(reader, [])
            line = reader.line_num
            for number, fields in enumerate(reader, start=1):
                if any(fields):
                    yield number, header, fields
                line = reader.line_num
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    except csv.Error as error:
        raise SourceError(
            f"{path}: unbalanced quotes in the row from line {line + 1} on ({error})"
        ) from error


def _not_utf8(path: Path) -> SourceError:
    return SourceError(f"{path}: is not UTF-8 text (Latin-1 or Windows-1252?); save it as UTF-8")
