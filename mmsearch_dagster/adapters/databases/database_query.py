"""A `.database` file: which rows of which database feed a table. It holds no address and no password."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from mmsearch_dagster.core.errors import SourceError
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.core.yaml_text import load_yaml

Kind = Literal["sql", "mongodb"]
_SCHEMES: dict[str, Kind] = {
    "postgresql": "sql",
    "postgres": "sql",
    "mysql": "sql",
    "mariadb": "sql",
    "mongodb": "mongodb",
    "mongodb+srv": "mongodb",
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


class DatabaseQuery(BaseModel):
    """Rows of a database.

    connection: name of the environment variable that holds the address, for example
        postgresql://reader:password@db.example.com/shop.
    table, query, collection: one of them: a table, a SELECT, or a collection of MongoDB.
    watermark: a column that grows with every change; with `key`, a later run reads only what changed.
    key: the column that names a row. Rows that were deleted are noticed only where there is no watermark.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: str
    table: str | None = None
    query: str | None = None
    collection: str | None = None
    watermark: str | None = None
    key: str | None = None

    @field_validator("connection")
    @classmethod
    def _is_a_variable(cls, name: str) -> str:
        if not _VARIABLE.fullmatch(name):  # what was written here may be a password: it is not repeated
            raise ValueError("connection takes the name of an environment variable, never the address itself")
        return name

    @field_validator("table")
    @classmethod
    def _is_a_table(cls, name: str | None) -> str | None:
        if name is not None and not all(_NAME.fullmatch(part) for part in name.split(".")):
            raise ValueError(f"table '{name}' is no plain name: write a query instead")
        return name

    @field_validator("watermark", "key")
    @classmethod
    def _is_a_column(cls, name: str | None) -> str | None:
        if name is not None and not _NAME.fullmatch(name):
            raise ValueError(f"'{name}' is no plain name of a column: rename it in the query")
        return name

    @model_validator(mode="after")
    def _says_what_to_read(self) -> "DatabaseQuery":
        if sum(part is not None for part in (self.table, self.query, self.collection)) != 1:
            raise ValueError("give one of: table, query, collection")
        if (self.watermark is None) != (self.key is None):
            raise ValueError("watermark and key belong together")
        return self

    def sql(self, after: str | None = None) -> str:
        """The statement that reads the rows.

        Args:
            after: literal of SQL; only rows whose watermark is at least this.
        """
        if after is None:
            return self._inner
        return f"SELECT * FROM ({self._inner}) AS changed WHERE {self.watermark} >= {after}"

    def state_sql(self) -> str:
        """The statement that counts the rows and, where there is a watermark, gives the newest one."""
        newest = f", MAX({self.watermark}) AS newest" if self.watermark else ""
        return f"SELECT COUNT(*) AS row_count{newest} FROM ({self._inner}) AS counted"

    @property
    def _inner(self) -> str:
        return self.query.strip().rstrip(";") if self.query else f"SELECT * FROM {self.table}"


def parse_database_query(text: str, where: str) -> DatabaseQuery:
    """The query in a YAML text. Raises SourceError naming `where`, with nothing of the text in it."""
    try:
        document = load_yaml(text, where, SourceError)
    except SourceError:  # its message quotes the text
        raise SourceError(f"{where}: not readable as YAML") from None
    if not isinstance(document, dict):
        raise SourceError(f"{where}: write `connection:` and one of `table:`, `query:`, `collection:`")
    try:
        return DatabaseQuery.model_validate(document)
    except ValidationError as error:
        raise SourceError(f"{where}: {_first_line(error)}") from None


def kind_of(address: str) -> Kind | None:
    """What reads an address, by its scheme; None for a database that is not read."""
    return _SCHEMES.get(address.partition("://")[0].lower())


def schemes() -> str:
    """Every scheme, for messages."""
    return ", ".join(f"{scheme}://" for scheme in _SCHEMES)


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key '{key}'; {did_you_mean(key, DatabaseQuery.model_fields)}"
    message = first["msg"].removeprefix("Value error, ")
    return message if first["type"] == "value_error" else f"{key}: {message}"
