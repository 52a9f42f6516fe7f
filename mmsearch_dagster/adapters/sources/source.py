"""A source mapping and its files, checked against each other before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.databases.copies import check_query, copy_of, refresh_copy
from mmsearch_dagster.adapters.remote_files.file_copies import copy_of_file, refresh_file
from mmsearch_dagster.adapters.sources import json_files
from mmsearch_dagster.adapters.sources.formats import READERS, magic_of
from mmsearch_dagster.adapters.sources.sniff import check_file
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.catalog.casting.column_types import unmet_demand
from mmsearch_dagster.core.catalog.mapping.column import ColumnMapping
from mmsearch_dagster.core.catalog.mapping.file import DATABASE, SourceFile
from mmsearch_dagster.core.catalog.mapping.remote_media import is_address
from mmsearch_dagster.core.catalog.mapping.source_mapping import (
    SourceSpec,
    TableFile,
    missing_required,
    parse_source,
)
from mmsearch_dagster.core.catalog.row_rules import NEEDS_ANY, escapes_root
from mmsearch_dagster.core.errors import SourceError, reason_of
from mmsearch_dagster.core.media.file_names import spellings
from mmsearch_dagster.core.suggest import did_you_mean, nearest

_SHOWN = 10
_QUOTED = 60
_OTHER_DELIMITERS = ",;|\t"


@dataclass(frozen=True)
class Source:
    """A checked mapping.

    root: the folder that file paths and picture uris are relative to. copies: where rows of databases are
    copied to; None where no database is read.
    """

    catalogue: str
    root: Path
    spec: SourceSpec
    copies: Path | None = None

    def path_of(self, file: SourceFile) -> Path:
        """Where a table's file lies; of a database or of a file at an address, the copy of it."""
        if self.copies and is_address(file.path):
            return copy_of_file(file.path, self.copies)
        path = self.root / file.path
        return copy_of(path, self.copies) if file.format == DATABASE and self.copies else path

    def renew(self, table: str) -> None:
        """Copies what feeds a table from elsewhere anew. Raises SourceError where it is not given."""
        for file in self.spec.tables.get(table, ()):
            for each in (file, *file.joins):
                if each.is_copied and self.copies:
                    self.copied(each, self.copies)

    def copied(self, file: SourceFile, copies: Path) -> None:
        """Copies one file from where it lies."""
        if is_address(file.path):
            refresh_file(file.path, copies, allow_private=self.spec.media.allow_private)
        else:
            refresh_copy(self.root / file.path, copies)

    def media(self, uri: str) -> Path | None:
        """Where a media file lies: the first spelling of its name that is a file, else as it is written.

        None for a uri that does not lie below the source's folder.
        """
        tried = [self.root / name for name in spellings(uri)]
        return next((path for path in tried if _is_file(path)), tried[0] if tried else None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def load_source(
    source_file: Path,
    root: Path | None = None,
    require: Sequence[str] = (),
    *,
    copies: Path | None = None,
) -> Source:
    """Read `source.yaml` and check that each file and each mapped column is there; nothing is written, but
    the first copy of rows of a database.

    root: what paths are relative to; the folder of `source_file` when None.
    require: tables that must be mapped. copies: where rows of databases are copied to; None asks no
    database, and checks the columns of none.
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
    source = Source(spec.catalogue, base.resolve(), spec, copies)
    for table, files in spec.tables.items():
        for file in files:
            _check_table_file(source, table, file, str(source_file))
    return source


def _check_table_file(source: Source, table: str, file: TableFile, where: str) -> None:
    for each in (file, *file.joins):
        _check_file(source, each, where)
    if not source.copies and any(each.is_copied for each in (file, *file.joins)):
        return
    path = source.path_of(file)
    if file.format == "ubi":
        json_files.columns_of(path, "ndjson")
        return
    columns, own = file_columns(source, file), _own_columns(source, file)
    mapped = mapped_columns(table, file, columns)
    for column, mapping in mapped.items():
        _check_inputs(path, mapping.inputs, columns, f"mapped to {table}.{column} in {where}")
        name = mapping.column[0] if len(mapping.column) == 1 else ""
        if name in own and not mapping.names:
            _check_type(path, table, column, name, kind=own[name])
    _check_inputs(path, (*file.where, *file.where_product), columns, f"in `where` of {where}")
    _check_inputs(path, file.group_by.inputs if file.group_by else (), columns, f"in `group_by` of {where}")
    _check_inputs(path, file.fill, columns, f"in `fill` of {where}")
    _check_inputs(path, file.children.inputs if file.children else (), columns, f"in `children` of {where}")
    _check_joins(source, file, columns, where)
    inputs = {name for mapping in mapped.values() for name in mapping.inputs} | set(file.where)
    READERS[file.format].check_wanted(
        path, file, [name for name in inputs if name in _own_columns(source, file)]
    )
    _check_required(table, frozenset({*mapped, *file.constants}), columns, path=path, where=where)


def _check_file(source: Source, file: SourceFile, where: str) -> None:
    if file.is_copied:
        if file.format == DATABASE:
            check_query(source.root / file.path)
        if not source.copies:
            return
        if not source.path_of(file).is_file():
            source.copied(file, source.copies)
    if file.format == DATABASE:
        return
    if not file.is_copied and escapes_root(file.path) and not Path(file.path).is_absolute():
        raise SourceError(
            f"{where}: '{file.path}' leaves the root folder; give an absolute path or another --root"
        )
    check_file(source.path_of(file), file.format, magic_of(file.format), encoding=file.encoding)


def _check_inputs(path: Path, names: Sequence[str], columns: Mapping[str, pl.DataType], use: str) -> None:
    for name in names:
        if name not in columns:
            hint = did_you_mean(name, columns)
            raise SourceError(f"{path}: no column '{name}' ({use}); {hint}")


def _check_joins(source: Source, file: TableFile, columns: Mapping[str, pl.DataType], where: str) -> None:
    for join in file.joins:
        use = f"in `key` of the join '{join.name}' in {where}"
        _check_inputs(source.path_of(file), tuple(join.key), columns, use)
        _check_inputs(source.path_of(join), tuple(join.key.values()), _own_columns(source, join), use)


def _own_columns(source: Source, file: SourceFile) -> dict[str, pl.DataType]:
    return READERS[file.format].columns(source.path_of(file), file)


def file_columns(source: Source, file: TableFile) -> dict[str, pl.DataType]:
    """Column -> type as the file has them, and `name.column` of joined files; text formats hold text."""
    beside = {
        f"{join.name}.{name}": pl.List(pl.String)
        for join in file.joins
        for name in _own_columns(source, join)
    }
    return {**_own_columns(source, file), **beside}


def mapped_columns(
    table: str, file: TableFile, columns: Mapping[str, pl.DataType]
) -> dict[str, ColumnMapping]:
    """Raw column (a contract column, or `attributes.<name>`) -> what feeds it.

    A name that the file has without its outer space is meant so.
    """
    if file.columns is None:
        names = [name for name in schemas.TABLES[table] if name in columns and name not in file.constants]
        return {name: ColumnMapping(column=(name,)) for name in names}
    return {column: _trimmed(mapping, columns) for column, mapping in file.columns.items()}


def _trimmed(mapping: ColumnMapping, columns: Mapping[str, pl.DataType]) -> ColumnMapping:
    def name_of(name: str) -> str:
        return name if name in columns or name.strip() not in columns else name.strip()

    changed = {
        "column": tuple(name_of(name) for name in mapping.column),
        "names": tuple(name_of(name) for name in mapping.names),
    }
    return mapping.model_copy(update=changed)


def _check_type(path: Path, table: str, column: str, name: str, *, kind: pl.DataType) -> None:
    if column == col.CATEGORY and isinstance(kind, pl.List | pl.Array):
        kind = pl.String()
    # One key of the attributes map is a text.
    demand = unmet_demand(kind, schemas.TABLES[table].get(column, pl.String()))
    if demand is not None:
        raise SourceError(
            f"{path}: column '{name}' holds {kind}, but {table}.{column} takes {demand}; "
            "export it so, or map another column"
        )


def _check_required(
    table: str, given: frozenset[str], columns: Mapping[str, pl.DataType], *, path: Path, where: str
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
