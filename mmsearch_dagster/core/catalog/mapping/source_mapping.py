"""`source.yaml` as records: how somebody's export maps onto the data contract."""

from math import isfinite
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from mmsearch_dagster.core.catalog.casting.cast_nested import attribute_column
from mmsearch_dagster.core.catalog.columns import ATTRIBUTES, PARENT_ID, REQUIRED
from mmsearch_dagster.core.catalog.mapping.column import Case, ColumnMapping
from mmsearch_dagster.core.catalog.mapping.conditions import Condition, Constant, Where
from mmsearch_dagster.core.catalog.mapping.file import FORMATS, Format, Join, SourceFile
from mmsearch_dagster.core.catalog.mapping.remote_media import RemoteMedia
from mmsearch_dagster.core.catalog.schemas import TABLES
from mmsearch_dagster.core.errors import SourceError
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.core.yaml_text import load_yaml

__all__ = ["FORMATS", "Constant", "Format", "SourceSpec", "TableFile", "missing_required", "parse_source"]

_UBI_TABLES = ("events", "searches")


class TableFile(SourceFile):
    """One file that feeds one table.

    columns: contract column, or `attributes.<name>` -> what feeds it (JSON: dots go into nested objects).
        Left out, the file's columns of the contract's own names are taken. In the file, `attributes` takes a
        mapping of attribute name -> column, or one column that holds a map.
    constants: contract column -> the value every row of this file gets.
    list_separator: what separates several image uris in one text field.
    where: column -> which values; other rows are left out and counted.
    group_by: rows with the same value are one record: pictures or variants of a product.
    fill: columns whose value stands only in the first row of a group, or of the variants of a product.
    where_product: as `where`, of the row that stands for a product; its variants go with it.
    children: a column in the row of a product that names the ids of its variants.
    joins: other files, read beside this one by a key.
    """

    columns: dict[str, ColumnMapping] | None = None
    constants: dict[str, Constant] = {}
    list_separator: str = Field(default="|", min_length=1)
    where: Where = {}
    group_by: ColumnMapping | None = None
    fill: tuple[str, ...] = ()
    where_product: Where = {}
    children: ColumnMapping | None = None
    joins: tuple[Join, ...] = ()

    @field_validator("columns", mode="before")
    @classmethod
    def _attributes_by_name(cls, columns: Any) -> Any:
        """A mapping of attribute names is one entry for each name."""
        if not isinstance(columns, dict):
            return columns
        flat: dict[str, Any] = {}
        for column, feed in columns.items():
            if column == ATTRIBUTES and isinstance(feed, dict) and "column" not in feed:
                flat |= {attribute_column(str(name)): source for name, source in feed.items()}
            elif column != ATTRIBUTES and _is_mapping_of_columns(feed):
                raise ValueError(f"'{column}' takes one column, not a mapping")
            else:
                flat[column] = feed
        return flat

    @model_validator(mode="after")
    def _ubi_takes_no_columns(self) -> "TableFile":
        if self.format == "ubi" and (self.columns or self.constants):
            raise ValueError(f"'{self.path}': format ubi takes no columns and no constants")
        if self.fill and self.fill_key is None:
            raise ValueError(f"'{self.path}': fill needs group_by or parent_id, which say what a group is")
        if self.children is not None and PARENT_ID in (self.columns or {}):
            raise ValueError(f"'{self.path}': takes children or parent_id, not both")
        names = [join.name for join in self.joins]
        if len(set(names)) < len(names):
            raise ValueError(f"'{self.path}': two joins have the same name")
        return self

    @property
    def fill_key(self) -> ColumnMapping | None:
        """What rows that are filled have in common."""
        return (self.columns or {}).get(PARENT_ID, self.group_by)

    @field_validator("constants")
    @classmethod
    def _constants_fit_a_column(cls, constants: dict[str, Constant]) -> dict[str, Constant]:
        for column, value in constants.items():
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise ValueError(
                    f"the constant of '{column}' has too many digits; put it in quotes for a text"
                )
            if isinstance(value, float) and not isfinite(value):
                raise ValueError(f"the constant of '{column}' is not a finite number")
        return constants


def _is_mapping_of_columns(feed: Any) -> bool:
    """Whether a mapping has no key that a column's mapping has."""
    return isinstance(feed, dict) and bool(feed) and not set(feed) & set(ColumnMapping.model_fields)


class SourceSpec(BaseModel):
    """The whole mapping: which files make which table of which catalogue.

    media: what may be fetched of pictures, sounds and videos that lie at addresses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    catalogue: str = Field(pattern=r"^[a-z0-9_]+$", max_length=60)
    tables: dict[str, tuple[TableFile, ...]] = Field(min_length=1)
    media: RemoteMedia = RemoteMedia()

    @field_validator("tables", mode="before")
    @classmethod
    def _single_file_is_a_list(cls, tables: Any) -> Any:
        if not isinstance(tables, dict):
            return tables
        return {name: [files] if isinstance(files, dict) else files for name, files in tables.items()}

    @model_validator(mode="after")
    def _tables_and_columns_exist(self) -> "SourceSpec":
        for table, files in self.tables.items():
            if table not in TABLES:
                raise ValueError(f"tables: unknown table '{table}'; {did_you_mean(table, TABLES)}")
            if not files:
                raise ValueError(f"tables: '{table}' names no file; give it a path, or leave the table out")
            for file in files:
                _check_columns(table, file)
        return self


def _check_columns(table: str, file: TableFile) -> None:
    if file.format == "ubi" and table not in _UBI_TABLES:
        raise ValueError(f"table '{table}' cannot come from UBI; it holds {' and '.join(_UBI_TABLES)}")
    mapped = file.columns or {}
    columns = list(TABLES[table])
    where = f"table '{table}', file '{file.path}'"
    for column in (*mapped, *file.constants):
        known = column in columns or (ATTRIBUTES in columns and column.startswith(attribute_column("")))
        if not known:
            hint = did_you_mean(column, columns, shown=len(columns))
            raise ValueError(f"{where}: unknown column '{column}'; {hint}")
    if ATTRIBUTES in file.constants:
        raise ValueError(f"{where}: '{ATTRIBUTES}' cannot be a constant")
    twice = sorted(set(mapped) & set(file.constants))
    if twice:
        raise ValueError(f"{where}: '{twice[0]}' is both a column and a constant")


def missing_required(table: str, columns: frozenset[str]) -> str | None:
    """The first required column of `table` that is not among `columns`, or None."""
    for column in REQUIRED[table]:
        if column not in columns:
            return column
    return None


def parse_source(text: str, where: str) -> SourceSpec:
    """The mapping in a YAML text; `where` names the file in messages.

    Raises SourceError, one line long, for YAML that cannot be read, an unknown key (with the nearest
    known one) or a value of the wrong kind.
    """
    document = load_yaml(text, where, SourceError)
    if not isinstance(document, dict):
        raise SourceError(f"{where}: expected a mapping with the keys catalogue and tables")
    try:
        return SourceSpec.model_validate(document)
    except ValidationError as error:
        raise SourceError(f"{where}: {_first_line(error)}") from error


# Key of a mapping -> the record that stands below it.
_RECORDS: dict[str, type[BaseModel]] = {
    "tables": TableFile,
    "columns": ColumnMapping,
    "group_by": ColumnMapping,
    "children": ColumnMapping,
    "where_product": Condition,
    "cases": Case,
    "where": Condition,
    "joins": Join,
    "media": RemoteMedia,
}


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        model = next((_RECORDS[part] for part in reversed(path[:-1]) if part in _RECORDS), SourceSpec)
        keys = [field.alias or name for name, field in model.model_fields.items()]
        return f"unknown key '{key}'; {did_you_mean(path[-1], keys, shown=len(keys))}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] != "value_error":
        return f"{key}: {message}" if key else message
    column = path[path.index("columns") + 1] if "columns" in path[:-1] else None
    return f"column '{column}': {message}" if column else message
