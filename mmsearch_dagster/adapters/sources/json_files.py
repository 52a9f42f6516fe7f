"""JSON: one object a line (NDJSON), or one array of objects. Lines are parsed one by one, so one bad line is
one bad record."""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from mmsearch_dagster.adapters.sources.ubi import Line, records
from mmsearch_dagster.core.catalog.columns import BROKEN, NUMBER
from mmsearch_dagster.core.catalog.mapping.source_mapping import Format
from mmsearch_dagster.core.catalog.row_rules import UNREADABLE
from mmsearch_dagster.core.errors import SourceError, reason_of

_SAMPLE = 10_000
_BATCH = 50_000
_HEAD = 4_096
_EXACT = 2**53
_DEEPEST = 4
UNPARSED = f"{UNREADABLE}not a JSON object"


def lines_of(path: Path, form: Format, records_at: str | None = None) -> Iterator[Line]:
    """(number from 1, object) of each line or array element; None where it is not a JSON object.

    records_at: keys with dots that lead to the array in a JSON file; None where it is the only one.
    """
    if form == "json":
        yield from _elements(path, records_at)
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


def _elements(path: Path, records_at: str | None) -> Iterator[Line]:
    try:
        value = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        if "Extra data" in str(error):
            raise SourceError(
                f"{path}: holds several JSON values; for one object a line set format: ndjson"
            ) from error
        raise SourceError(f"{path}: not readable as JSON ({reason_of(error)})") from error
    for number, element in enumerate(_array(path, value, records_at), start=1):
        yield number, element if isinstance(element, dict) else None


def _array(path: Path, value: Any, records_at: str | None) -> list[Any]:
    """The records in a document: an array, the array under `records_at`, or the only array of objects."""
    if records_at is not None:
        inner = _inner(value, records_at)
        if isinstance(inner, list):
            return inner
        raise SourceError(f"{path}: no array under records: {records_at}; {_arrays_in_words(value)}")
    if isinstance(value, list):
        return value
    arrays = dict(_arrays(value))
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    raise SourceError(
        f"{path}: expected one array of objects; {_arrays_in_words(value)}; for an object a line set "
        "format: ndjson"
    )


def _inner(value: Any, keys: str) -> Any:
    for key in keys.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _arrays(value: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    """(keys with dots, array) of each array of objects that is not inside another array."""
    if not isinstance(value, dict) or depth > _DEEPEST:
        return
    for key, inner in value.items():
        if isinstance(inner, list) and inner and all(isinstance(element, dict) for element in inner):
            yield f"{prefix}{key}", inner
        elif isinstance(inner, dict):
            yield from _arrays(inner, f"{prefix}{key}.", depth + 1)


def _arrays_in_words(value: Any) -> str:
    keys = [name for name, _ in _arrays(value)]
    if keys:
        return f"arrays of objects are under {', '.join(keys)}: set records: {keys[0]}"
    return "it holds no array of objects"


def columns_of(path: Path, form: Format, records_at: str | None = None) -> list[str]:
    """The keys of the first 10,000 objects; keys of nested objects as `outer.inner`."""
    state = path.stat()
    return list(_columns_of(path, form, (state.st_mtime_ns, state.st_size), records_at))


@lru_cache(maxsize=64)
def _columns_of(
    path: Path, form: Format, state: tuple[int, int], records_at: str | None = None
) -> tuple[str, ...]:
    """Cached by `state`, which changes when the file does."""
    keys: dict[str, None] = {}
    for number, (_, document) in enumerate(lines_of(path, form, records_at)):
        if number >= _SAMPLE:
            break
        keys.update(dict.fromkeys(_paths(document or {}, "")))
    if not keys:
        shape = _shape_of(path, form)
        raise SourceError(f"{path}: holds no JSON object in its first {_SAMPLE} records{shape}")
    return tuple(keys)


def _shape_of(path: Path, form: Format) -> str:
    """What a file without one object a line may be instead, and what to do."""
    if form == "json":
        return ""
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8-sig", "replace").lstrip()
    if head.startswith("["):
        return "; it begins with an array: set format: json"
    if head.startswith("{"):
        return "; an object goes over several lines: each object must stand on one line"
    return ""


def _paths(document: dict[str, Any], prefix: str, depth: int = 0) -> Iterator[str]:
    for key, value in document.items():
        yield prefix + key
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict) and depth < 8:
            yield from _paths(inner, f"{prefix}{key}.", depth + 1)


def _value_at(document: dict[str, Any], path: str) -> Any:
    """The value under a key, else under dotted keys; of an array of objects the values of all of them."""
    if path in document:
        return document[path]
    return _along(document, path.split("."))


def _along(value: Any, keys: Sequence[str]) -> Any:
    for number, key in enumerate(keys):
        if isinstance(value, list):
            inner = [_along(element, keys[number:]) for element in value if isinstance(element, dict)]
            values = [each for each in inner if each is not None]
            return values[0] if len(values) == 1 else values or None
        value = value.get(key) if isinstance(value, dict) else None
    return value


def read(
    path: Path,
    form: Format,
    wanted: Sequence[str],
    records_at: str | None = None,
    *,
    nested: str | None = None,
) -> pl.DataFrame:
    """Reads fields of a JSON or NDJSON file.

    Args:
        path: the file.
        form: json or ndjson.
        wanted: names of fields; dots go into nested objects.
        records_at: where the array is in a JSON file.
        nested: an array of objects in a record, each of which becomes a row with the fields of the record.

    Returns:
        The fields as text, or as numbers where each value is one, plus NUMBER (of the line or element) and
        BROKEN.
    """
    rows = (
        (number, None if document is None else {name: _value_at(document, name) for name in wanted})
        for number, document in _rows(lines_of(path, form, records_at), nested)
    )
    documents = list(rows)
    numeric = [name for name in wanted if _is_numeric(record.get(name) for _, record in documents if record)]
    texts = (
        (number, record and {name: _as_json_text(value) for name, value in record.items()})
        for number, record in documents
    )
    return _framed(texts, wanted).with_columns(pl.col(numeric).cast(pl.Float64))


def _rows(lines: Iterable[Line], nested: str | None) -> Iterator[Line]:
    """A row for each element of the nested array; a record without one is a row itself."""
    for number, document in lines:
        elements = _value_at(document, nested) if document is not None and nested is not None else None
        objects = [one for one in elements if isinstance(one, dict)] if isinstance(elements, list) else []
        if document is None or nested is None or not objects:
            yield number, document
            continue
        for element in objects:
            yield number, {**document, nested: element}


def _is_numeric(values: Iterable[Any]) -> bool:
    """Whether each value is a number that a float holds exactly: 1.299 then has no thousands sign."""
    numbers = [value for value in values if value is not None]
    return any(isinstance(value, float) for value in numbers) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _EXACT
        for value in numbers
    )


def _as_json_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


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
