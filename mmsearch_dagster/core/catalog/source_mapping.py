"""`source.yaml` as records: how somebody's export maps onto the data contract."""

from math import isfinite
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from mmsearch_dagster.core.catalog.columns import ATTRIBUTES, REQUIRED, TABLES
from mmsearch_dagster.core.errors import SourceError
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.core.yaml_text import load_yaml

Constant = str | int | float | bool

# Format -> the suffixes that mean it. What reads each of them: adapters.sources.formats.
FORMATS: dict[str, tuple[str, ...]] = {
    "csv": (".csv",),
    "tsv": (".tsv",),
    "parquet": (".parquet",),
    "ndjson": (".ndjson", ".jsonl"),
    "json": (".json",),
    "ubi": (".ubi",),
}
_UBI_TABLES = ("events", "searches")


def _check_format(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"unknown format '{name}'; {did_you_mean(name, FORMATS)}")
    return name


Format = Annotated[str, AfterValidator(_check_format)]


class TableFile(BaseModel):
    """One file that feeds one table.

    columns: contract column -> the file's column (JSON: dots go into nested objects). Left out, the
        file's columns of the contract's own names are taken. `attributes` takes a mapping of attribute
        name -> column, or one column that holds a map.
    constants: contract column -> the value every row of this file gets.
    list_separator: what separates several image uris in one text field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1)
    format: Format
    columns: dict[str, str | dict[str, str]] | None = None
    constants: dict[str, Constant] = {}
    list_separator: str = Field(default="|", min_length=1)
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)

    @model_validator(mode="before")
    @classmethod
    def _format_by_suffix(cls, fields: Any) -> Any:
        if not isinstance(fields, dict) or "path" not in fields:
            return fields
        named = fields.get("format")
        if named == "jsonl":
            return {**fields, "format": "ndjson"}
        if named is None:
            suffix = PurePath(str(fields["path"])).suffix.lower()
            form = next((form for form, suffixes in FORMATS.items() if suffix in suffixes), None)
            if form is None:
                formats = "|".join(FORMATS)
                raise ValueError(f"'{fields['path']}': the suffix tells no format; add format: {formats}")
            return {**fields, "format": form}
        return fields

    @model_validator(mode="after")
    def _ubi_takes_no_columns(self) -> "TableFile":
        if self.format == "ubi" and (self.columns or self.constants):
            raise ValueError(f"'{self.path}': format ubi takes no columns and no constants")
        return self

    @field_validator("delimiter")
    @classmethod
    def _delimiter_is_a_sign(cls, sign: str | None) -> str | None:
        if sign is None or sign == "\t" or (sign.isascii() and sign.isprintable() and sign not in "\"'"):
            return sign
        raise ValueError(f"{sign!r} parts no fields; take a printable ASCII character, no quote, or a tab")

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

    @property
    def separator(self) -> str:
        """What parts the fields of a CSV or TSV file."""
        return self.delimiter or ("\t" if self.format == "tsv" else ",")


class SourceSpec(BaseModel):
    """The whole mapping: which files make which table of which catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    catalogue: str = Field(pattern=r"^[a-z0-9_]+$", max_length=60)
    tables: dict[str, tuple[TableFile, ...]] = Field(min_length=1)

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
        if column not in columns:
            hint = did_you_mean(column, columns)
            raise ValueError(f"{where}: unknown column '{column}'; {hint}")
    for column, name in mapped.items():
        if isinstance(name, dict) and column != ATTRIBUTES:
            raise ValueError(f"{where}: '{column}' takes one column, not a mapping")
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


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        model = TableFile if len(first["loc"]) > 1 else SourceSpec
        return f"unknown key '{key}'; {did_you_mean(key.rpartition('.')[2], model.model_fields)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key and first["type"] != "value_error" else message
