"""CSV and TSV, row by row with the strict reader of the standard library: a broken row is one broken row."""

import csv
import re
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO

import polars as pl

from mmsearch_dagster.core.catalog.columns import BROKEN, NUMBER
from mmsearch_dagster.core.catalog.row_rules import UNREADABLE
from mmsearch_dagster.core.errors import SourceError, reason_of

_UNBALANCED = f"{UNREADABLE}unbalanced quotes"
_REST = f"{UNREADABLE}it goes on from a row with unbalanced quotes"
_HEADER_AGAIN = f"{UNREADABLE}it is the header again"
_OTHER_ENCODING = f"{UNREADABLE}it is written in another encoding than the rest of the file"
_CUT = f"{UNREADABLE}the file ends inside this row"
# What bytes become that are no UTF-8.
_ESCAPED = re.compile("[\udc80-\udcff]")
_MOST_BEFORE_HEADER = 12
# A quote that opens and does not close before so many lines have passed is a stray one.
_LONGEST_RECORD = 2_000
_SEP_LINE = len("sep=;")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]+")
_SMALLEST_SUSPECT = 3


def columns_of(path: Path, separator: str, encoding: str = "utf-8-sig") -> list[str]:
    """The names in the header without outer space; columns without a name are left out.

    Raises:
        SourceError: the header cannot be read.
    """
    return list(dict.fromkeys(name for name in _header(path, separator, encoding) if name))


def check_wanted(path: Path, separator: str, wanted: Sequence[str], encoding: str = "utf-8-sig") -> None:
    """Refuses a wanted column that the header names twice.

    Raises:
        SourceError: nobody can tell which of the two is meant.
    """
    header = _header(path, separator, encoding)
    doubled = [name for name in wanted if header.count(name) > 1]
    if doubled:
        raise SourceError(f"{path}: the header names column '{doubled[0]}' twice; rename one of them")


def _header(path: Path, separator: str, encoding: str) -> list[str]:
    try:
        with _opened(path, encoding) as file:
            skipped = _lines_before_header(file, separator)
            header = _first_row(csv.reader(file, delimiter=separator, strict=True), skipped)
    except UnicodeError as error:
        raise _not_encoded(path, encoding) from error
    except csv.Error as error:
        raise SourceError(f"{path}: the header cannot be read ({reason_of(error)})") from error
    return [_name(field) for field in header]


def _lines_before_header(file: TextIO, separator: str) -> int:
    """Rows of a title or a comment: one field, where soon there are three or more."""
    rows = list(islice(csv.reader(file, delimiter=separator), _MOST_BEFORE_HEADER))
    file.seek(0)
    widths = [sum(bool(field.strip()) for field in row) for row in rows]
    wide = next((number for number, width in enumerate(widths) if width >= _SMALLEST_SUSPECT), 0)
    return wide if all(width <= 1 for width in widths[:wide]) else 0


def _first_row(rows: Iterator[list[str]], skipped: int = 0) -> list[str]:
    """The header: behind rows of a title, blank lines, and the line `sep=;` that spreadsheets write."""
    for row in islice(rows, skipped, None):
        if any(field.strip() for field in row) and not (
            row[0].startswith("sep=") and len(row[0]) <= _SEP_LINE
        ):
            return row
    return []


def _name(field: str) -> str:
    """A column's name as it can be shown and mapped: without control characters and outer space."""
    return _CONTROLS.sub(" ", field.encode("utf-8", "replace").decode("utf-8")).strip()


def read(path: Path, separator: str, wanted: Sequence[str], encoding: str = "utf-8-sig") -> pl.DataFrame:
    """Reads columns of a file of delimited text; blank lines are left out.

    Args:
        path: the file.
        separator: between two fields.
        wanted: names of columns.
        encoding: of the text.

    Returns:
        The columns as text, plus NUMBER (data rows from 1) and BROKEN: why a row could not be read, as one
        with more fields than the header, or with a quote that does not close.

    Raises:
        SourceError: the text is not in that encoding.
    """
    check_wanted(path, separator, wanted, encoding)
    try:
        with _opened(path, encoding) as file:
            return _framed(file, separator, wanted)
    except UnicodeError as error:
        raise _not_encoded(path, encoding) from error


def is_partly_utf8(content: bytes) -> bool:
    """Whether most lines with other letters than English ones are UTF-8, and some are not."""
    counts = Counter(_is_utf8(line) for line in content.splitlines() if not line.isascii())
    return 0 < counts[False] <= counts[True]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _framed(file: TextIO, separator: str, wanted: Sequence[str]) -> pl.DataFrame:
    rows = _rows(file, separator, skipped=_lines_before_header(file, separator))
    header = next(rows).fields
    places = [header.index(name) for name in wanted]
    columns: list[list[str | None]] = [[] for _ in wanted]
    numbers: list[int] = []
    broken: list[str | None] = []
    for number, row in enumerate(rows, start=1):
        if not row.problem and not any(row.fields):
            continue
        numbers.append(number)
        broken.append(row.problem)
        fields = () if row.problem else row.fields
        for place, column in zip(places, columns, strict=True):
            column.append((fields[place] or None) if place < len(fields) else None)
    schema = {NUMBER: pl.Int64, BROKEN: pl.String, **dict.fromkeys(wanted, pl.String)}
    values = dict(zip(wanted, columns, strict=True))
    return pl.DataFrame({NUMBER: numbers, BROKEN: broken, **values}, schema=schema)


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[TextIO]:
    """The file as text, its fields of any length. Bytes that are not of its encoding stand out, or raise."""
    before = csv.field_size_limit(sys.maxsize)
    mixed = encoding == "utf-8-sig" and is_partly_utf8(path.read_bytes())
    errors = "surrogateescape" if mixed else "strict"
    try:
        with path.open(encoding=encoding, errors=errors, newline="") as file:
            yield file
    finally:
        csv.field_size_limit(before)


@dataclass
class _Lines:
    """Lines of a file that can be given back. taken: those of the record that is being read."""

    file: TextIO
    taken: list[str] = field(default_factory=list)
    again: deque[str] = field(default_factory=deque)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _LONGEST_RECORD:
            raise StopIteration
        line = self.again.popleft() if self.again else next(self.file)
        self.taken.append(line)
        return line

    def give_back_all_but_the_first(self) -> None:
        """The record is one line; what follows it is read again."""
        self.again.extendleft(reversed(self.taken[1:]))


@dataclass(frozen=True)
class _Row:
    fields: list[str]
    problem: str | None = None


def _rows(file: TextIO, separator: str, *, skipped: int) -> Iterator[_Row]:
    """The header, then every record.

    A record whose quotes do not balance is broken, and so are shorter ones behind it: they can be its rest.
    """
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    header = [_name(field) for field in _first_row(reader, skipped)]
    yield _Row(header)
    behind_broken = False
    while True:
        lines.taken.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields = None
        if fields is None or _swallowed_rows(lines.taken, fields, separator, width=len(header)):
            lines.give_back_all_but_the_first()
            reader = csv.reader(lines, delimiter=separator, strict=True)
            behind_broken = True
            yield _Row([], _UNBALANCED)
            continue
        fields = _without_empty_end(fields, len(header))
        behind_broken = behind_broken and len(fields) < len(header)
        yield _Row(fields, _REST if behind_broken and fields else _problem(fields, header, lines.taken))


def _without_empty_end(fields: list[str], width: int) -> list[str]:
    """Empty fields beyond the header, as a spreadsheet leaves them, mean nothing."""
    while len(fields) > width and not fields[-1].strip():
        fields.pop()
    return fields


def _problem(fields: list[str], header: list[str], taken: list[str]) -> str | None:
    if fields == header:
        return _HEADER_AGAIN
    if any(_ESCAPED.search(field) for field in fields):
        return _OTHER_ENCODING
    if len(fields) > len(header):
        return f"{UNREADABLE}{len(fields)} fields under a header of {len(header)}"
    if 0 < len(fields) < len(header) and taken and not taken[-1].endswith(("\n", "\r")):
        return _CUT
    return None


def _swallowed_rows(taken: list[str], fields: list[str], separator: str, *, width: int) -> bool:
    """Whether the lines inside a quoted field look like rows, each with as many fields as the header."""
    if len(taken) < _SMALLEST_SUSPECT or width < _SMALLEST_SUSPECT or not any("\n" in one for one in fields):
        return False
    return all(_width(line, separator) == width for line in taken[1:-1])


def _width(line: str, separator: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=separator), []))
    except csv.Error:
        return 0


def _not_encoded(path: Path, encoding: str) -> SourceError:
    if encoding != "utf-8-sig":
        return SourceError(f"{path}: is not {encoding} text; set encoding to what it is")
    return SourceError(
        f"{path}: is not UTF-8 text (Latin-1 or Windows-1252?); save it as UTF-8, or set encoding: cp1252"
    )
