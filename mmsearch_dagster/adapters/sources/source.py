"""A source mapping and its files, checked against each other before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.sources import json_files
from mmsearch_dagster.adapters.sources.formats import READERS, magic_of
from mmsearch_dagster.adapters.sources.sniff import check_file
from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.catalog.cast_nested import attribute_column
from mmsearch_dagster.core.catalog.column_types import unmet_demand
from mmsearch_dagster.core.catalog.row_rules import NEEDS_ANY, escapes_root
from mmsearch_dagster.core.catalog.source_mapping import SourceSpec, TableFile, missing_required, parse_source
from mmsearch_dagster.core.errors import SourceError, reason_of
from mmsearch_dagster.core.suggest import did_you_mean, nearest

_SHOWN = 10
_QUOTED = 60
_OTHER_DELIMITERS = ",;|\t"


@dataclass(frozen=True)
class Source:
    """A checked mapping. root: the folder that file paths and picture uris are relative to."""

    catalogue: str
    root: Path
    spec: SourceSpec

    def path_of(self, file: TableFile) -> Path:
        """Where a table's file lies."""
        return self.root / file.path


def load_source(source_file: Path, root: Path | None = None, require: Sequence[str] = ()) -> Source:
    """Read `source.yaml` and check that each file and each mapped column is there; nothing is written.

    root: what paths are relative to; the folder of `source_file` when None.
    require: tables that must be mapped.
    Raises SourceError, one line that names file, column and the nearest name.
    """
    try:
        text = source_file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{source_file}: the source file cannot be read ({reason_of(error)})") from error
    spec = parse_source(text, str(source_file))
    for table in require:
        if table not in spec.tables:
            raise SourceError(f"{source_file}: maps no table '{table}', which this needs")
    base = root if root is not None else source_file.parent
    if not base.is_dir():
        raise SourceError(f"{base}: the root folder does not exist; check --root")
    source = Source(spec.catalogue, base.resolve(), spec)
    for table, files in spec.tables.items():
        for file in files:
            _check_table_file(source, table, file, str(source_file))
    return source


def _check_table_file(source: Source, table: str, file: TableFile, where: str) -> None:
    if escapes_root(file.path) and not Path(file.path).is_absolute():
        raise SourceError(
            f"{where}: '{file.path}' leaves the root folder; give an absolute path or another --root"
        )
    path = source.path_of(file)
    check_file(path, file.format, magic_of(file.format))
    if file.format == "ubi":
        json_files.columns_of(path, "ndjson")
        return
    columns = file_columns(path, file)
    mapped = mapped_columns(table, file, columns)
    for column, name in mapped.items():
        if name not in columns:
            hint = did_you_mean(name, columns)
            raise SourceError(f"{path}: no column '{name}' (mapped to {table}.{column} in {where}); {hint}")
        _check_type(path, table, column, name, kind=columns[name])
    _check_required(table, frozenset({*mapped, *file.constants}), columns, path=path, where=where)


def file_columns(path: Path, file: TableFile) -> dict[str, pl.DataType]:
    """Column -> type as the file has them; text formats hold text."""
    return READERS[file.format].columns(path, file)


def mapped_columns(
    table: str, file: TableFile, columns: Sequence[str] | dict[str, pl.DataType]
) -> dict[str, str]:
    """Raw column (a contract column, or `attributes.<name>`) -> the file's column that feeds it."""
    if file.columns is None:
        return {name: name for name in c.TABLES[table] if name in columns and name not in file.constants}
    mapped: dict[str, str] = {}
    for column, name in file.columns.items():
        if isinstance(name, dict):
            mapped |= {attribute_column(key): feed for key, feed in name.items()}
        else:
            mapped[column] = name
    return mapped


def _check_type(path: Path, table: str, column: str, name: str, *, kind: pl.DataType) -> None:
    # One key of the attributes map is a text.
    demand = unmet_demand(kind, c.TABLES[table].get(column, pl.String()))
    if demand is not None:
        raise SourceError(
            f"{path}: column '{name}' holds {kind}, but {table}.{column} takes {demand}; "
            "export it so, or map another column"
        )


def _check_required(
    table: str, given: frozenset[str], columns: dict[str, pl.DataType], *, path: Path, where: str
) -> None:
    needs_any = NEEDS_ANY.get(table, ())
    if needs_any and not given.intersection(needs_any):
        raise SourceError(
            f"{where}: table '{table}' maps none of {', '.join(needs_any)} for {path}; map one. "
            + _columns_like(needs_any, list(columns))
        )
    missing = missing_required(table, given)
    if missing is None:
        return
    raise SourceError(
        f"{where}: table '{table}' does not map the required column '{missing}' for {path}. "
        + _columns_like((missing,), list(columns))
    )


def _columns_like(wanted: Sequence[str], columns: Sequence[str]) -> str:
    """The file's columns, those nearest to the wanted ones, and what a header of one column may mean."""
    if not any(columns):
        return "The file's first line, its header, names no column"
    listed = ", ".join(f"'{name[:_QUOTED]}'" for name in columns[:_SHOWN])
    message = f"The file's columns: {listed}{', ...' if len(columns) > _SHOWN else ''}"
    nearest_to = {column: name for column in wanted if (name := nearest(column, columns)) is not None}
    near = [
        f"'{name}' for {column}" if len(wanted) > 1 else f"'{name}'" for column, name in nearest_to.items()
    ]
    if near:
        message = f"{message}; did you mean {' or '.join(near)}?"
    if len(columns) == 1 and any(sign in columns[0] for sign in _OTHER_DELIMITERS):
        message = f"{message}; it is one column: set delimiter to what parts the fields"
    return message
