"""A file of queries in the judgments format: to be answered, or to be answered and measured."""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from mmsearch_dagster.adapters.answers import Query
from mmsearch_dagster.adapters.sources.reading import read_table
from mmsearch_dagster.adapters.sources.sniff import check_file
from mmsearch_dagster.adapters.sources.source import Source, file_columns
from mmsearch_dagster.core import columns as c
from mmsearch_dagster.core.contracts import split_rows
from mmsearch_dagster.core.errors import SourceError
from mmsearch_dagster.core.nearest import did_you_mean
from mmsearch_dagster.core.source_spec import SourceSpec, TableFile

_TABLE = "judgments"
_CONTENT = (c.QUERY_TEXT, c.IMAGE, c.AUDIO)


@dataclass(frozen=True)
class QueryList:
    """Queries in the file's order; one whose files cannot be read asks nothing, and finds nothing.

    grades: query id -> product id -> grade, empty in a file without grades. left_out: sentences about rows
    and files that could not be used.
    """

    queries: tuple[Query, ...]
    grades: dict[str, dict[str, int]]
    left_out: tuple[str, ...]


def read_query_list(file: Path, *, root: Path | None = None, graded: bool = False) -> QueryList:
    """The queries of a CSV, TSV, Parquet or NDJSON file with the contract's column names.

    root: what paths of pictures and recordings are relative to; the file's own folder when None.
    graded: the file must hold `product_id` and `grade`.
    Raises SourceError, one line with file, column and nearest name.
    """
    if not file.is_file():
        raise SourceError(f"{file}: there is no such file")
    if root is not None and not root.is_dir():
        raise SourceError(f"{root}: the root folder does not exist; check --root")
    source, known = _source(file.resolve(), root, graded)
    raw = read_table(source, _TABLE, lambda ids: ids)
    # Nothing is learnt from a list: whoever asks the same twice, in two splits, gets two answers.
    frame = raw.frame.with_columns(pl.lit(None, pl.String).alias(c.SPLIT))
    split = split_rows(replace(raw, frame=frame))
    broken = [
        f"{row[0]}, row {row[1]}: {'; '.join(row[2])}"
        for row in split.quarantined.select("_source", "_row", c.REASONS).iter_rows()
    ]
    order = {key: place for place, key in enumerate(raw.frame[c.QUERY_ID].unique(maintain_order=True))}
    first = split.good.group_by(c.QUERY_ID, maintain_order=True).agg(pl.col(_CONTENT).first())
    rows = sorted(first.iter_rows(), key=lambda row: order[row[0]])
    queries, unread = [], []
    for query_id, text, image, audio in rows:
        picture, voice = _file(source.root, image), _file(source.root, audio)
        for name, uri, content in (("picture", image, picture), ("voice", audio, voice)):
            if uri and content is None:
                unread.append(f"query {query_id}: {name} {source.root / uri} cannot be read")
        queries.append(Query(text=text, image=picture, audio=voice, query_id=query_id))
    return QueryList(tuple(queries), _grades(split.good) if c.GRADE in known else {}, (*broken, *unread))


def _source(file: Path, root: Path | None, graded: bool) -> tuple[Source, list[str]]:
    try:
        plain = TableFile(path=str(file))  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        raise SourceError(
            f"{file}: the suffix tells no format; use .csv, .tsv, .parquet or .ndjson"
        ) from error
    if plain.format == "ubi":
        raise SourceError(f"{file}: a UBI log is no list of queries; use .csv, .tsv, .parquet or .ndjson")
    check_file(file, plain.format)
    known = list(file_columns(file, plain))
    needed = (c.QUERY_ID, *((c.PRODUCT_ID, c.GRADE) if graded else ()))
    for column in needed:
        if column not in known:
            raise SourceError(f"{file}: no column '{column}'; {did_you_mean(column, known)}")
    if not set(_CONTENT) & set(known):
        raise SourceError(f"{file}: none of query_text, image, audio among its columns {', '.join(known)}")
    constants = {} if c.GRADE in known and c.PRODUCT_ID in known else {c.PRODUCT_ID: "-", c.GRADE: 0}
    table = plain.model_copy(update={"constants": constants})
    spec = SourceSpec(catalogue="queries", tables={_TABLE: (table,)})
    return Source(spec.catalogue, (root or file.parent).resolve(), spec), known


def _file(root: Path, uri: str | None) -> bytes | None:
    if not uri:
        return None
    try:
        return (root / uri).read_bytes() or None
    except OSError:
        return None


def _grades(good: pl.DataFrame) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    for query_id, product_id, grade in good.select(c.QUERY_ID, c.PRODUCT_ID, c.GRADE).iter_rows():
        grades.setdefault(query_id, {})[product_id] = grade
    return grades
