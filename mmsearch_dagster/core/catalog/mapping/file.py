"""One file of a source mapping: where it lies and how it is written."""

import codecs
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from mmsearch_dagster.core.catalog.mapping.remote_media import is_address
from mmsearch_dagster.core.suggest import did_you_mean

DATABASE = "database"
# Format -> the suffixes that mean it. What reads each of them: adapters.sources.formats.
FORMATS: dict[str, tuple[str, ...]] = {
    "csv": (".csv",),
    "tsv": (".tsv", ".tab"),
    "parquet": (".parquet",),
    "ndjson": (".ndjson", ".jsonl"),
    "json": (".json", ".jsonld"),
    "xml": (".xml", ".rss", ".atom"),
    "ubi": (".ubi",),
    # Which rows of which database: adapters.databases.database_query.
    DATABASE: (".database",),
}


def _check_format(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"unknown format '{name}'; {did_you_mean(name, FORMATS)}")
    return name


Format = Annotated[str, AfterValidator(_check_format)]


class SourceFile(BaseModel):
    """A file and how it is written.

    delimiter: between the fields of a CSV. encoding: of a text file. records: of JSON and XML, where the
    records are: keys with dots that lead to the array, or the name of the element. nested: of JSON, an array
    of objects in each record, its variants: each becomes a row with the columns of the record.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1)
    format: Format
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str = "utf-8-sig"
    records: str | None = Field(default=None, min_length=1)
    nested: str | None = Field(default=None, min_length=1)

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
    def _only_json_nests(self) -> "SourceFile":
        if self.nested is not None and self.format not in ("json", "ndjson"):
            raise ValueError(
                f"'{self.path}': nested is for JSON; a {self.format} file has one row for each variant"
            )
        return self

    @field_validator("delimiter")
    @classmethod
    def _delimiter_is_a_sign(cls, sign: str | None) -> str | None:
        if sign is None or sign == "\t" or (sign.isascii() and sign.isprintable() and sign not in "\"'"):
            return sign
        raise ValueError(f"{sign!r} parts no fields; take a printable ASCII character, no quote, or a tab")

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, name: str) -> str:
        try:
            known = codecs.lookup(name).name
        except (LookupError, ValueError) as error:
            raise ValueError(
                f"unknown encoding '{name}'; for example utf-8, cp1252, latin-1, utf-16"
            ) from error
        return "utf-8-sig" if known == "utf-8" else known

    @property
    def is_copied(self) -> bool:
        """Whether it lies elsewhere: rows of a database, or a file at an address. A run reads its copy."""
        return self.format == DATABASE or is_address(self.path)

    @property
    def separator(self) -> str:
        """What parts the fields of a CSV or TSV file."""
        return self.delimiter or ("\t" if self.format == "tsv" else ",")


class Join(SourceFile):
    """Another file whose columns are read beside those of the first, by a key.

    name: its columns are named `name.column` in the mapping. key: its column in both files, or column of
    the first file -> column of this one.
    """

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_]+$")
    key: dict[str, str] = Field(min_length=1)

    @field_validator("key", mode="before")
    @classmethod
    def _same_name_in_both(cls, key: Any) -> Any:
        return {key: key} if isinstance(key, str) else key
