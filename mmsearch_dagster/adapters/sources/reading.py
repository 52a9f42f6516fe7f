"""One table of a source, read, pseudonymised and cast to the data contract."""

from collections.abc import Callable

import polars as pl

from mmsearch_dagster.adapters.sources import json_files
from mmsearch_dagster.adapters.sources.formats import READERS
from mmsearch_dagster.adapters.sources.source import Source, file_columns, mapped_columns
from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.catalog.cast_scalars import as_text
from mmsearch_dagster.core.catalog.cast_table import BROKEN, NUMBER, ROW, SOURCE, cast_rows
from mmsearch_dagster.core.catalog.contract import RawTable, raw_table
from mmsearch_dagster.core.catalog.pseudonyms import PERSONAL
from mmsearch_dagster.core.catalog.source_mapping import TableFile

Pseudonymise = Callable[[pl.Series], pl.Series]


def read_table(source: Source, table: str, pseudonymise: Pseudonymise) -> RawTable:
    """All rows of `table`, cast leniently, with file and row number; none when the source lacks the table.

    pseudonymise: what becomes of user and session ids before anything else sees them.
    Raises SourceError for a file that cannot be read at all.
    """
    files = source.spec.tables.get(table, ())
    empty = pl.LazyFrame(schema={SOURCE: pl.String, ROW: pl.Int64})
    frames = [cast_rows(empty, table).collect()]
    for file in files:
        raw = _hide_people(_read_file(source, table, file), pseudonymise)
        raw = raw.with_columns(pl.lit(file.path).alias(SOURCE), pl.col(NUMBER).alias(ROW))
        frames.append(cast_rows(raw.lazy(), table, file.list_separator).collect(engine="streaming"))
    return raw_table(table, pl.concat(frames))


def _read_file(source: Source, table: str, file: TableFile) -> pl.DataFrame:
    path = source.path_of(file)
    if file.format == "ubi":
        return json_files.read_ubi(path, table, list(c.TABLES[table]))
    mapped = mapped_columns(table, file, file_columns(path, file))
    wanted = list(dict.fromkeys(mapped.values()))
    rows = READERS[file.format].read(path, file, wanted)
    constants = [pl.lit(value).alias(column) for column, value in file.constants.items()]
    named = [pl.col(name).alias(column) for column, name in mapped.items()]
    return rows.select(NUMBER, BROKEN, *named, *constants)


def _hide_people(raw: pl.DataFrame, pseudonymise: Pseudonymise) -> pl.DataFrame:
    for column in PERSONAL:
        if column in raw.columns:
            clean = raw.select(as_text(pl.col(column), raw.schema[column]))[column]
            raw = raw.with_columns(pseudonymise(clean).alias(column))
    return raw
