"""How one column of the data contract is made from a file's columns."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mmsearch_dagster.core.catalog.casting.value_format import ValueFormat
from mmsearch_dagster.core.catalog.mapping.conditions import Constant, Where

_PLACE = re.compile(r"\{([^{}]*)\}")


class Case(BaseModel):
    """A constant for the rows that a condition holds for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: Where = Field(min_length=1)
    value: Constant


class ColumnMapping(ValueFormat):
    """What feeds one column, beside how its values are written.

    column: the file's column, or several: of single values the first that is not empty, of lists all, or with
    `first` the first of them too.
    template: a text with column names in braces. cases: constants by condition, the first that holds; where
    none holds, the column or template.
    default: the value where nothing else gives one. values: value in the file -> value in the contract.
    pattern: a regular expression; its first group is the value. html: markup becomes plain text.
    names: columns that hold the names of attributes, one for each of `column`.
    above: for `parent_id` where variants stand below their product: a row without a value of its own has that
    of the nearest row above, the others have none.
    """

    column: tuple[str, ...] = ()
    template: str | None = None
    cases: tuple[Case, ...] = ()
    default: Constant | None = None
    values: dict[str, Constant] = {}
    pattern: str | None = None
    html: bool = False
    names: tuple[str, ...] = ()
    first: bool = False
    above: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: Any) -> Any:
        if isinstance(given, ColumnMapping):
            return given
        if not isinstance(given, dict):
            return {"column": _listed(given)}
        listed = {key: _listed(given[key]) for key in ("column", "names") if key in given}
        texts = given.get("values")
        if isinstance(texts, dict):
            listed["values"] = {_key(key): value for key, value in texts.items()}
        return {**given, **listed}

    @model_validator(mode="after")
    def _one_source(self) -> "ColumnMapping":
        if not (self.column or self.template or self.cases):
            raise ValueError("needs column, template or cases")
        if self.column and self.template:
            raise ValueError("takes column or template, not both")
        if self.template is not None and not self.inputs:
            raise ValueError("template names no column; write columns in braces, or use constants")
        if self.names and len(self.names) != len(self.column):
            raise ValueError("names and column must be lists of the same length")
        return self

    @field_validator("pattern")
    @classmethod
    def _pattern_has_a_group(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"pattern '{pattern}' is no regular expression ({error})") from error
        if not groups:
            raise ValueError(f"pattern '{pattern}' has no group; put what is the value in parentheses")
        if re.search(r"\(\?<?[=!]|\\[1-9]", pattern):
            raise ValueError(f"pattern '{pattern}': look-around and back references are not supported")
        return pattern

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every column of the file that this needs."""
        conditions = [column for case in self.cases for column in case.where]
        places = _PLACE.findall(self.template or "")
        return tuple(dict.fromkeys([*self.column, *self.names, *places, *conditions]))

    @property
    def template_parts(self) -> list[tuple[str, bool]]:
        """The template as (text, whether it is the name of a column)."""
        parts = _PLACE.split(self.template or "")
        return [(part, number % 2 == 1) for number, part in enumerate(parts) if part]


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value if value is None else (value,))


def _key(key: Any) -> str:
    return ("true" if key else "false") if isinstance(key, bool) else str(key)
