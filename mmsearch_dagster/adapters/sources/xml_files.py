"""XML: feeds and lists of elements, each a record; a child is a column, a repeated child a list."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl

from mmsearch_dagster.core.catalog.columns import BROKEN, NUMBER
from mmsearch_dagster.core.errors import SourceError

_SAMPLE = 10_000
# What feeds and exports call one record.
_USUAL = ("item", "entry", "product", "offer", "row", "record")
_DEEPEST = 3


def columns_of(path: Path, element: str | None) -> list[str]:
    """Names of children of the first 10,000 records; of nested ones as `outer.inner`.

    Raises:
        SourceError: the file cannot be read, or holds no such element.
    """
    name = element or _record_name(path)
    keys: dict[str, None] = {}
    for number, record in enumerate(_records(path, name)):
        if number >= _SAMPLE:
            break
        keys.update(dict.fromkeys(record))
    if not keys:
        raise SourceError(f"{path}: holds no element <{name}> with values; set records to a record's name")
    return list(keys)


def read(path: Path, element: str | None, wanted: Sequence[str]) -> pl.DataFrame:
    """Reads children of the records of an XML file.

    Args:
        path: the file.
        element: name of a record's element; None for the usual ones.
        wanted: names of children.

    Returns:
        The children as text, several of one name as a JSON array, plus NUMBER from 1 and an empty BROKEN.

    Raises:
        SourceError: the file cannot be read.
    """
    name = element or _record_name(path)
    rows = [
        (number, None, *(_cell(record.get(key)) for key in wanted))
        for number, record in enumerate(_records(path, name), start=1)
    ]
    schema = {NUMBER: pl.Int64, BROKEN: pl.String, **dict.fromkeys(wanted, pl.String)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _cell(values: list[str] | None) -> str | None:
    if not values:
        return None
    return values[0] if len(values) == 1 else json.dumps(values, ensure_ascii=False)


def _local(tag: Any) -> str:
    """The tag without its namespace."""
    return str(tag).rpartition("}")[2]


def _record_name(path: Path) -> str:
    """What a record is called: a usual name, else the child of the root that stands there most often."""
    counts: Counter[str] = Counter()
    depth = 0
    for event, element in _events(path):
        depth += 1 if event == "start" else -1
        if event == "start" and 0 < depth <= _DEEPEST:
            counts[_local(element.tag)] += 1
        elif event == "end":
            element.clear()
    usual = [name for name in _USUAL if counts[name]]
    return usual[0] if usual else max(counts, key=lambda name: counts[name], default="item")


def _events(path: Path) -> Iterator[tuple[str, ElementTree.Element]]:
    try:
        yield from ElementTree.iterparse(path, events=("start", "end"))
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise SourceError(f"{path}: not readable as XML ({error}); export it again") from error


def _records(path: Path, name: str) -> Iterator[dict[str, list[str]]]:
    inside = 0
    for event, element in _events(path):
        if _local(element.tag) != name:
            continue
        inside += 1 if event == "start" else -1
        if event == "end" and inside == 0:
            yield _children(element)
            element.clear()


def _children(element: ElementTree.Element, prefix: str = "", depth: int = 0) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for key, text in element.attrib.items():
        values.setdefault(f"{prefix}{_local(key)}", []).append(text)
    for child in element:
        key = f"{prefix}{_local(child.tag)}"
        text = "".join(child.itertext()) if not len(child) else ""
        if text.strip():
            values.setdefault(key, []).append(text.strip())
        elif depth < _DEEPEST and len(child):
            for inner, texts in _children(child, f"{key}.", depth + 1).items():
                values.setdefault(inner, []).extend(texts)
        # <link href="..."/> of Atom
        elif "href" in child.attrib:
            values.setdefault(key, []).append(child.attrib["href"])
    return values
