"""Which rows of a file are meant: `where` in a source mapping."""

from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmsearch_dagster.core.catalog.casting.texts import clean_text

Constant = str | int | float | bool


def constant_text(value: Constant) -> str:
    """A constant as a text file would write it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


class Condition(BaseModel):
    """What the value of one column must be; texts are compared without case and outer space.

    equals: one of these. excluded (`not` in the file): none of these. empty: whether there is no value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    equals: tuple[Constant, ...] | None = None
    excluded: tuple[Constant, ...] | None = Field(default=None, alias="not")
    empty: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return {"equals": given if isinstance(given, list | tuple) else [given]}
        listed = {key: [value] for key, value in given.items() if key in ("equals", "not") and _is_one(value)}
        return {**given, **listed}

    @model_validator(mode="after")
    def _says_something(self) -> "Condition":
        if (self.equals, self.excluded, self.empty) == (None, None, None):
            raise ValueError("a condition needs a value, a list of values, or one of not, empty")
        return self

    def holds(self, value: pl.Expr) -> pl.Expr:
        """Whether the condition holds, row by row; never null.

        Args:
            value: the column.
        """
        text = clean_text(value.cast(pl.String, strict=False))
        word = text.str.to_lowercase()
        parts: list[pl.Expr] = []
        if self.equals is not None:
            parts.append(word.is_in(_words(self.equals)).fill_null(False))
        if self.excluded is not None:
            parts.append(~word.is_in(_words(self.excluded)).fill_null(False))
        if self.empty is not None:
            parts.append(text.is_null() if self.empty else text.is_not_null())
        return pl.all_horizontal(parts)


def _is_one(value: Any) -> bool:
    return not isinstance(value, list | tuple)


def _words(values: tuple[Constant, ...]) -> list[str]:
    return [constant_text(value).strip().lower() for value in values]


Where = dict[str, Condition]


def all_hold(where: Where) -> pl.Expr:
    """Whether every condition of `where` holds, row by row.

    Args:
        where: column -> its condition.
    """
    return pl.all_horizontal([condition.holds(pl.col(column)) for column, condition in where.items()])
