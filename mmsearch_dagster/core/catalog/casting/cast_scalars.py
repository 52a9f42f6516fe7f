"""Lenient conversions of one column to the scalar types of the data contract, as polars expressions.

What cannot be converted becomes null; no value raises.
"""

from typing import Literal

import polars as pl

from mmsearch_dagster.core.catalog.casting.amounts import DecimalSign, as_amount
from mmsearch_dagster.core.catalog.casting.texts import clean_text
from mmsearch_dagster.core.catalog.casting.yes_no import as_yes_no

_DECIMAL_COMMA = r"^([+-]?\d+),(\d+)$"


def as_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Clean text of any scalar; an id that a table stored as 17.0 reads as 17, NaN is null."""
    if dtype.is_float():
        integer = value.cast(pl.Int64, strict=False)
        is_integer = value.is_finite() & (integer.cast(pl.Float64) == value)
        text = value.cast(pl.String)
        return pl.when(is_integer).then(integer.cast(pl.String)).when(~value.is_nan()).then(text)
    return clean_text(decoded(value, "strict") if dtype == pl.Binary else value.cast(pl.String, strict=False))


def decoded(value: pl.Expr, errors: Literal["strict", "replace"]) -> pl.Expr:
    """Bytes as UTF-8 text; what is none becomes null, or shows where it is broken (`replace`)."""

    def text_of(raw: bytes) -> str | None:
        try:
            return raw.decode("utf-8", errors)
        except UnicodeDecodeError:
            return None

    return value.map_elements(text_of, return_dtype=pl.String)


def as_number(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A float, with a decimal point or comma; infinities stay (the contract refuses them), NaN is null."""
    plain = clean_text(value).str.replace(_DECIMAL_COMMA, "$1.$2") if dtype == pl.String else value
    number = plain.cast(pl.Float64, strict=False)
    return pl.when(~number.is_nan()).then(number)


def as_integer(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whole numbers; 3.0 counts, 3.5 does not."""
    if dtype.is_integer():
        return value.cast(pl.Int64, strict=False)
    number = as_number(value, dtype)
    return pl.when(number.is_finite() & (number == number.floor())).then(number.cast(pl.Int64, strict=False))


def as_money(value: pl.Expr, dtype: pl.DataType, decimal: DecimalSign | None) -> pl.Expr:
    """An amount, also with thousands signs and a currency. decimal: the decimal sign of the column."""
    return as_amount(value, decimal) if dtype == pl.String else as_number(value, dtype)


def as_boolean(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """True and false by any of their usual words, by words of stock, or by a number of pieces."""
    return value if dtype == pl.Boolean else as_yes_no(as_text(value, dtype))
