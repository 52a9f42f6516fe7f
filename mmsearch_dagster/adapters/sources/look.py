"""What can be seen of an export without a mapping: how it is written, its columns, an example of each."""

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from mmsearch_dagster.adapters.sources.delimited import is_partly_utf8
from mmsearch_dagster.adapters.sources.formats import READERS, magic_of
from mmsearch_dagster.adapters.sources.sniff import check_file, check_kind
from mmsearch_dagster.core.catalog.casting.categories import shared_root
from mmsearch_dagster.core.catalog.columns import BROKEN, NUMBER
from mmsearch_dagster.core.catalog.mapping.file import SourceFile
from mmsearch_dagster.core.catalog.recognise.draft import FileLook
from mmsearch_dagster.core.catalog.recognise.encoding import decoded_head, encodings_of, wider
from mmsearch_dagster.core.catalog.recognise.facets import is_facet
from mmsearch_dagster.core.errors import SourceError

_HEAD = 262_144
_MOSTLY = 0.8
_EXAMPLE = 40
_HOST = re.compile(r"https?://([\w.:-]+)")
_OF_CATEGORIES = re.compile(r"(?i)categ|kateg|breadcrumb|product.?type|^type$")
_DELIMITERS = (",", ";", "\t", "|", "^", "~")
_OF_A_PAGE = 20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UBI_KEYS = ('"action_name"', '"ubi_events"', '"ubi_queries"', '"user_query"')


def written_how(path: Path) -> dict[str, Any]:
    """The keys of `source.yaml` that say how a file is written, besides its path.

    Args:
        path: the file.

    Raises:
        SourceError: it is not there, empty, or no file of a known format.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PAR1"):
        return {"format": "parquet"}
    check_kind(path, head)
    encoding = _encoding(path, head)
    text = head.decode(encoding, "replace").lstrip("\ufeff")
    start = text.lstrip()
    if not start:
        raise SourceError(f"{path}: the file is empty")
    if start[:_OF_A_PAGE].lower().startswith(("<!doctype html", "<html")):
        raise SourceError(
            f"{path}: is a web page, perhaps of a login, and no export; download the file again"
        )
    if start.startswith("<"):
        return {"format": "xml"}
    if start.startswith(("{", "[")):
        return {"format": _json_format(start)}
    return {"format": "csv", **_delimited(text), **({} if encoding == "utf-8" else {"encoding": encoding})}


def _encoding(path: Path, head: bytes) -> str:
    if head.startswith(_UTF16):
        return "utf-16"
    wide = _without_mark(head)
    if wide is not None:
        return wide
    try:
        # A letter may be cut at the end of what is looked at.
        head[: max(len(head) - 4, 0) if len(head) == _HEAD else len(head)].decode("utf-8")
    except UnicodeDecodeError as error:
        cut = len(head) == _HEAD and error.start > _HEAD - 8
        return "utf-8" if cut or is_partly_utf8(head) else _by_letters(path, head)
    return "utf-8"


def _by_letters(path: Path, head: bytes) -> str:
    """An encoding of one country, by what its letters look like in each."""
    names = encodings_of(head)
    if len(names) == 1:
        return wider(names[0])
    line = next((line for line in head.splitlines() if not line.isascii()), head)
    read = [f"'{(decoded_head(line, name) or '')[:_EXAMPLE]}' in {name}" for name in names]
    tried = f"it may be {' or '.join(read)}" if read else "no other encoding that is tried gives words"
    raise SourceError(f"{path}: is not UTF-8 text, and {tried}; save it as UTF-8")


def _without_mark(head: bytes) -> str | None:
    """UTF-16 that does not say so: every second byte is zero in English text."""
    pairs = len(head) // 2
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if pairs and head[start::2].count(0) >= _MOSTLY * pairs:
            return encoding
    return None


def _json_format(start: str) -> str:
    if start.startswith("["):
        return "json"
    first = start.partition("\n")[0].strip()
    try:
        json.loads(first)
    except ValueError:
        return "json"
    if any(key in start for key in _UBI_KEYS):
        return "ubi"
    return "ndjson" if "\n" in start.strip() else "json"


def _delimited(text: str) -> dict[str, str]:
    """The sign that parts a first line into most fields; a title of one field may stand above it."""
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    best = max(_DELIMITERS, key=lambda sign: _parts_header(lines, sign))
    return {} if best == "," else {"delimiter": best}


def _parts_header(lines: Sequence[str], sign: str) -> tuple[int, int]:
    """How early a line is that the sign parts into three fields or more, else into two; and into how many."""
    widths = [len(row) for row in csv.reader(lines, delimiter=sign)]
    for least, late in ((3, 0), (2, len(lines))):
        for number, width in enumerate(widths):
            if width >= least:
                return -number - late, width
    return -2 * len(lines), 0


def look_at(path: Path, written: dict[str, Any]) -> FileLook:
    """The columns of a file, how full they are, and an example of each.

    Args:
        path: the file.
        written: what `written_how` has seen.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        file = SourceFile(path=str(path), **written)
    except ValidationError as error:
        raise SourceError(f"{path}: {error.errors()[0]['msg']}") from error
    check_file(path, file.format, magic_of(file.format), encoding=file.encoding)
    names = list(READERS[file.format].columns(path, file))
    unique = [name for name in names if names.count(name) == 1]
    rows = READERS[file.format].read(path, file, _readable(path, file, unique)).drop(NUMBER, BROKEN)
    examples, filled, hosts, roots, unique, facets = {}, {}, {}, {}, set(), set()
    for name in rows.columns:
        values = [value for value in rows[name].to_list() if value not in (None, "", [])]
        filled[name] = len(values) / max(rows.height, 1)
        hosts[name] = sorted({host for value in values for host in _HOST.findall(str(value))})
        if rows.schema[name] == pl.String and _OF_CATEGORIES.search(name):
            roots[name] = shared_root(rows[name])
        if len({str(value) for value in values}) == len(values):
            unique.add(name)
        if is_facet([str(value) for value in values]):
            facets.add(name)
        if values:
            examples[name] = " ".join(str(values[0]).split())[:_EXAMPLE]
    roots = {name: root for name, root in roots.items() if root is not None}
    return FileLook(
        path.name,
        rows.columns,
        examples,
        filled,
        hosts,
        frozenset(unique),
        roots,
        frozenset(facets),
    )


def _readable(path: Path, file: SourceFile, names: list[str]) -> list[str]:
    """The columns that can be told apart: a name that stands twice is left out."""
    kept = []
    for name in names:
        try:
            READERS[file.format].check_wanted(path, file, [name])
        except SourceError:
            continue
        kept.append(name)
    return kept
