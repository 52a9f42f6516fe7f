"""JSON: one object a line (NDJSON), or one array of objects. Lines are parsed one by one, so one bad line is
one bad record."""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from mmsearch_dagster.adapters.sources.ubi import Line, records
from mmsearch_dagster.core.catalog.cast_table import BROKEN, NUMBER
from mmsearch_dagster.core.catalog.row_rules import UNREADABLE
from mmsearch_dagster.core.catalog.source_mapping import Format
from mmsearch_dagster.core.errors import SourceError, reason_of

_SAMPLE = 10_000
_BATCH = 50_000
UNPARSED = f"{UNREADABLE}not a JSON object"


def lines_of(path: Path, form: Format) -> Iterator[Line]:
    """(number from 1, object) of each line or array element; None where it is not a JSON object."""
    if form == "json":
        yield from _elements(path)
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, _object(line)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _elements(path: Path) -> Iterator[Line]:
    try:
        value = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: not readable as JSON ({reason_of(error)})") from error
    if not isinstance(value, list):
        raise SourceError(f"{path}: expected one array of objects; for an object a line set format: ndjson")
    for number, element in enumerate(value, start=1):
        yield number, element if isinstance(element, dict) else None


def columns_of(path: Path, form: Format) -> list[str]:
    """The keys of the first 10,000 objects; keys of nested objects as `outer.inner`."""
    state = path.stat()
    return list(_columns_of(path, form, (state.st_mtime_ns, state.st_size)))


@lru_cache(maxsize=64)
def _columns_of(path: Path, form: Format, state: tuple[int, int]) -> tuple[str, ...]:
    """Cached by `state`, which changes when the file does."""
    keys: dict[str, None] = {}
    for number, (_, document) in enumerate(lines_of(path, form)):
        if number >= _SAMPLE:
            break
        keys.update(dict.fromkeys(_paths(document or {}, "")))
    if not keys:
        raise SourceError(f"{path}: holds no JSON object in its first {_SAMPLE} records")
    return tuple(keys)


def _paths(document: dict[str, Any], prefix: str, depth: int = 0) -> Iterator[str]:
    for key, value in document.items():
        yield prefix + key
        if isinstance(value, dict) and depth < 8:
            yield from _paths(value, f"{prefix}{key}.", depth + 1)


def _value_at(document: dict[str, Any], path: str) -> str | None:
    """The value under a key, else under dotted keys, as text; objects and arrays as JSON."""
    value: Any = document
    if path in document:
        value = document[path]
    else:
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def read(path: Path, form: Format, wanted: Sequence[str]) -> pl.DataFrame:
    """Reads fields of a JSON or NDJSON file.

    Args:
        path: the file.
        form: json or ndjson.
        wanted: names of fields; dots go into nested objects.

    Returns:
        The fields as text, plus NUMBER (of the line or element) and BROKEN.
    """
    rows = (
        (number, None if document is None else {name: _value_at(document, name) for name in wanted})
        for number, document in lines_of(path, form)
    )
    return _framed(rows, wanted)


def read_ubi(path: Path, table: str, wanted: Sequence[str]) -> pl.DataFrame:
    """Reads the records for one table from a UBI file.

    Args:
        path: the file.
        table: events or searches.
        wanted: contract columns.

    Returns:
        The columns as text, plus NUMBER and BROKEN.
    """
    return _framed(records(lines_of(path, "ndjson"), table), wanted)


def _framed(rows: Iterator[tuple[int, dict[str, Any] | None]], wanted: Sequence[str]) -> pl.DataFrame:
    schema = {NUMBER: pl.Int64, BROKEN: pl.String, **dict.fromkeys(wanted, pl.String)}
    frames: list[pl.DataFrame] = [pl.DataFrame(schema=schema)]
    batch: list[tuple[Any, ...]] = []
    for number, record in rows:
        if record is None:
            batch.append((number, UNPARSED, *(None for _ in wanted)))
        else:
            batch.append((number, None, *(record.get(name) for name in wanted)))
        if len(batch) >= _BATCH:
            frames.append(_frame(batch, schema))
            batch = []
    return pl.concat([*frames, _frame(batch, schema)], rechunk=True)


def _frame(batch: list[tuple[Any, ...]], schema: dict[str, Any]) -> pl.DataFrame:
    try:
        return pl.DataFrame(batch, schema=schema, orient="row")
    except UnicodeEncodeError:
        # JSON may escape half of a surrogate pair, which no UTF-8 column can hold.
        mended = [tuple(_encodable(value) for value in row) for row in batch]
        return pl.DataFrame(mended, schema=schema, orient="row")


def _encodable(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
