"""A file of queries in the judgments format: to be answered, or to be answered and measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import polars as pl
from pydantic import ValidationError

from mmsearch_dagster.adapters.sources.formats import READERS, magic_of
from mmsearch_dagster.adapters.sources.reading import read_table
from mmsearch_dagster.adapters.sources.sniff import check_file
from mmsearch_dagster.adapters.sources.source import Source
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.contract import separate_broken_rows
from mmsearch_dagster.core.catalog.mapping.source_mapping import SourceSpec, TableFile
from mmsearch_dagster.core.errors import SourceError
from mmsearch_dagster.core.media.file_names import spellings
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.suggest import did_you_mean

_TABLE = "judgments"
_CONTENT = (col.QUERY_TEXT, col.IMAGE, col.AUDIO)


@dataclass(frozen=True)
class QueryList:
    """Queries in the file's order; one whose files cannot be read asks nothing, and finds nothing.

    grades: query id -> product id -> grade, empty in a file without grades. left_out: sentences about rows
    that could not be used. unread: sentences about pictures and recordings that could not be read.
    """

    queries: tuple[Query, ...]
    grades: dict[str, dict[str, int]]
    left_out: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def read_query_list(
    file: Path, *, root: Path | None = None, media_root: Path | None = None, graded: bool = False
) -> QueryList:
    """The queries of a CSV, TSV, Parquet or NDJSON file with the contract's column names.

    A picture or recording is read wherever its path leads: the list is the caller's own. A relative path
    is looked for below root, beside the list, below the current folder and below media_root, in this order.

    root: given by the caller. media_root: where the pictures of the release lie.
    graded: the file must hold `product_id` and `grade`.
    Raises SourceError, one line with file, column and nearest name.
    """
    if not file.is_file():
        raise SourceError(f"{file}: there is no such file")
    if root is not None and not root.is_dir():
        raise SourceError(f"{root}: the root folder does not exist; check --root")
    source, columns = _source(file.resolve(), graded)
    raw = read_table(source, _TABLE, lambda ids: ids, below_root=False)
    # A list is not used for training: the same query may be in two splits.
    frame = raw.frame.with_columns(pl.lit(None, pl.String).alias(col.SPLIT))
    checked = separate_broken_rows(replace(raw, frame=frame), inside_source=False)
    broken = [
        f"{row[0]}, row {row[1]}: {'; '.join(row[2])}"
        for row in checked.quarantined.select("_source", "_row", col.REASONS).iter_rows()
    ]
    order = {key: number for number, key in enumerate(raw.frame[col.QUERY_ID].unique(maintain_order=True))}
    first = checked.good.group_by(col.QUERY_ID, maintain_order=True).agg(pl.col(_CONTENT).first())
    rows = sorted(first.iter_rows(), key=lambda row: order[row[0]])
    folders = [
        folder.resolve() for folder in (root, source.root, Path.cwd(), media_root) if folder is not None
    ]
    read = [_query(row, folders) for row in rows]
    unread = tuple(sentence for _, sentences in read for sentence in sentences)
    grades = _grades(checked.good) if col.GRADE in columns else {}
    return QueryList(tuple(query for query, _ in read), grades, tuple(broken), unread)


def _query(
    row: tuple[str, str | None, str | None, str | None], folders: list[Path]
) -> tuple[Query, list[str]]:
    """One query with the bytes of its files, and a sentence for each file that could not be read."""
    query_id, text, image, audio = row
    content: dict[str, bytes | None] = {}
    unread = []
    for name, uri in (("picture", image), ("voice", audio)):
        try:
            content[name] = _content(uri, folders) if uri else None
        except SourceError as error:
            content[name] = None
            unread.append(f"query {query_id}: {name} {error}")
    return Query(text=text, image=content["picture"], audio=content["voice"], query_id=query_id), unread


def _source(file: Path, graded: bool) -> tuple[Source, list[str]]:
    try:
        plain = TableFile(path=str(file))  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        raise SourceError(
            f"{file}: the suffix tells no format; use .csv, .tsv, .parquet or .ndjson"
        ) from error
    if plain.format == "ubi":
        raise SourceError(f"{file}: a UBI log is no list of queries; use .csv, .tsv, .parquet or .ndjson")
    check_file(file, plain.format, magic_of(plain.format))
    columns = list(READERS[plain.format].columns(file, plain))
    needed = (col.QUERY_ID, *((col.PRODUCT_ID, col.GRADE) if graded else ()))
    for column in needed:
        if column not in columns:
            raise SourceError(f"{file}: no column '{column}'; {did_you_mean(column, columns)}")
    if not set(_CONTENT) & set(columns):
        raise SourceError(f"{file}: none of query_text, image, audio among its columns {', '.join(columns)}")
    constants = (
        {} if col.GRADE in columns and col.PRODUCT_ID in columns else {col.PRODUCT_ID: "-", col.GRADE: 0}
    )
    table = plain.model_copy(update={"constants": constants})
    spec = SourceSpec(catalogue="queries", tables={_TABLE: (table,)})
    return Source(spec.catalogue, file.parent, spec), columns


def _content(uri: str, folders: Sequence[Path]) -> bytes:
    """The bytes that a path or `file://` uri leads to. Raises SourceError with all that was tried."""
    address = urlsplit(uri) if "://" in uri else None
    if address and address.scheme.lower() != "file":
        raise SourceError(f"{uri} cannot be read: it is no file here; save it and give its path")
    path = Path(url2pathname(address.path)) if address else Path(uri)
    names = [path] if address or path.is_absolute() else [Path(name) for name in spellings(uri)] or [path]
    tried = dict.fromkeys(folder / name for folder in folders for name in names)
    for candidate in tried:
        try:
            content = candidate.read_bytes()
        except (OSError, ValueError):  # or a name that no file can have
            continue
        if not content:
            raise SourceError(f"{candidate} cannot be read: it is empty (0 bytes)")
        return content
    raise SourceError(f"{uri} cannot be read; tried {', '.join(map(str, tried))}")


def _grades(good: pl.DataFrame) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    for query_id, product_id, grade in good.select(col.QUERY_ID, col.PRODUCT_ID, col.GRADE).iter_rows():
        grades.setdefault(query_id, {})[product_id] = grade
    return grades
