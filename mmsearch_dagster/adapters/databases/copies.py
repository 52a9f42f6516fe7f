"""Copies of database tables in a home: read anew by each run, by the watermark where there is one."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.databases.database_query import DatabaseQuery, parse_database_query
from mmsearch_dagster.adapters.databases.mongo_documents import mongo_count, mongo_lines
from mmsearch_dagster.adapters.databases.secrets import address_of
from mmsearch_dagster.adapters.databases.sql_rows import sql_chunks
from mmsearch_dagster.adapters.host.home import writing
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.errors import SourceError


def read_query(file: Path) -> DatabaseQuery:
    """The query in a `.database` file. Raises SourceError for what cannot be read."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}: the file cannot be read ({error})") from error
    return parse_database_query(text, str(file))


def check_query(file: Path) -> None:
    """Raises SourceError where the file is wrong or the environment has no address for it."""
    address_of(read_query(file), str(file))


def table_state(file: Path) -> tuple[int, str]:
    """How many rows a query gives now, and its newest watermark; empty where it has none.

    Raises:
        SourceError: the database does not say it.
    """
    query = read_query(file)
    address = address_of(query, str(file))
    if query.collection:
        return mongo_count(address, query.collection, str(file)), ""
    (row,) = pl.concat(sql_chunks(address, query.state_sql(), str(file))).to_dicts()
    return int(row["row_count"]), str(row.get("newest") or "")


def copy_of(file: Path, folder: Path) -> Path:
    """Where the copy of a query's rows lies; another query has another copy."""
    query = read_query(file)
    suffix = ".ndjson" if query.collection else ".parquet"
    return folder / f"{file.stem}-{digest_of(query.model_dump())[:12]}{suffix}"


def refresh_copy(file: Path, folder: Path) -> Path:
    """Reads the rows of now into the copy and returns it; a reader sees the old copy or the new one.

    Raises:
        SourceError: the database does not give them.
    """
    query, copy = read_query(file), copy_of(file, folder)
    address = address_of(query, str(file))
    part = copy.with_suffix(f"{copy.suffix}.part")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if query.collection:
            _write_lines(part, mongo_lines(address, query.collection, str(file), {}))
        else:
            _write_rows(part, _rows(query, address, str(file), copy), str(file))
        part.replace(copy)
    return copy


def _rows(query: DatabaseQuery, address: str, where: str, copy: Path) -> Iterator[pl.DataFrame]:
    """All rows; those of the copy again where only the changed ones have to be asked for."""
    held = pl.read_parquet(copy) if query.watermark and copy.is_file() else None
    after = _literal(held[query.watermark].max()) if held is not None and query.watermark else None
    if held is None or after is None:
        yield from sql_chunks(address, query.sql(), where)
        return
    changed = pl.concat(sql_chunks(address, query.sql(after), where))
    yield pl.concat([held.join(changed, on=query.key, how="anti"), changed.cast(held.schema)])


def _literal(value: object) -> str | None:
    """A value of a watermark as SQL; None for what cannot be compared in SQL by its text."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return f"'{utc.isoformat(sep=' ')}{'+00:00' if value.tzinfo else ''}'"
    if isinstance(value, date):
        return f"'{value.isoformat()}'"
    return json.dumps(value).replace('"', "'") if isinstance(value, str) and value.isalnum() else None


def _write_rows(part: Path, chunks: Iterator[pl.DataFrame], where: str) -> None:
    """Chunk by chunk, so that no table has to fit into memory."""
    import pyarrow.parquet as pq

    writer = None
    try:
        for chunk in chunks:
            table = _plain(chunk).to_arrow(compat_level=pl.CompatLevel.oldest())
            writer = writer or pq.ParquetWriter(part, table.schema)
            writer.write_table(table.cast(writer.schema))
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise SourceError(f"{where}: the query gives no columns")


def _plain(chunk: pl.DataFrame) -> pl.DataFrame:
    """Decimals as numbers: a price that a database keeps exactly is read as a price."""
    return chunk.with_columns(pl.selectors.decimal().cast(pl.Float64))


def _write_lines(part: Path, lines: Iterator[bytes]) -> None:
    with part.open("wb") as file:
        for line in lines:
            file.write(line)
