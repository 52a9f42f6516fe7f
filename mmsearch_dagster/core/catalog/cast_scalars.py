"""Lenient conversions of one column to the scalar types of the data contract, as polars expressions.

What cannot be converted becomes null; no value raises.
"""

from typing import Literal

import polars as pl

from mmsearch_dagster.core.catalog.columns import INSTANT

_SPACES = "[\t\r\n\u0085\u2028\u2029]+"
_CONTROLS = r"[\p{Cc}\x{FEFF}]"
_TRUE = ("true", "yes", "y", "1", "t", "on")
_FALSE = ("false", "no", "n", "0", "f", "off")
_ZONED = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
_NAIVE = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
# Below each limit an epoch number counts seconds, milliseconds, microseconds, nanoseconds; with the factor
# that makes microseconds of it. The first limit is the year 5138 in seconds and 1973 in milliseconds.
_EPOCH_STEPS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (9e18, 1e-3))


def clean_text(text: pl.Expr) -> pl.Expr:
    """Line breaks to spaces, control characters away, NFC, trimmed; an empty text is null."""
    cleaned = text.str.replace_all(_SPACES, " ").str.replace_all(_CONTROLS, "")
    return cleaned.str.normalize("NFC").str.strip_chars().replace("", None)


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
    """A float; infinities stay (the contract refuses them by name), NaN is null."""
    number = (clean_text(value) if dtype == pl.String else value).cast(pl.Float64, strict=False)
    return pl.when(~number.is_nan()).then(number)


def as_integer(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whole numbers; 3.0 counts, 3.5 does not."""
    if dtype.is_integer():
        return value.cast(pl.Int64, strict=False)
    number = as_number(value, dtype)
    return pl.when(number.is_finite() & (number == number.floor())).then(number.cast(pl.Int64, strict=False))


def as_boolean(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """True and false by any of their usual words."""
    if dtype == pl.Boolean:
        return value
    word = as_text(value, dtype).str.to_lowercase()
    return pl.when(word.is_in(_TRUE)).then(True).when(word.is_in(_FALSE)).then(False)


def as_instant(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """UTC microseconds from ISO 8601 (no zone means UTC), a date, or epoch s, ms, us or ns."""
    if isinstance(dtype, pl.Datetime):
        zoned = value.dt.convert_time_zone("UTC") if dtype.time_zone else value.dt.replace_time_zone("UTC")
        return zoned.dt.cast_time_unit("us")
    if dtype == pl.Date:
        return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype != pl.String:
        return _from_epoch(value.cast(pl.Float64, strict=False))
    # Only trimmed: eight formats would each clean the text again.
    text = value.str.strip_chars()
    zoned = [text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in _ZONED]
    naive = [text.str.to_datetime(form, time_unit="us", strict=False) for form in _NAIVE]
    day = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    plain = [moment.dt.replace_time_zone("UTC") for moment in (*naive, day)]
    return pl.coalesce(*zoned, *plain, _from_epoch(text.cast(pl.Float64, strict=False)))


def _from_epoch(number: pl.Expr) -> pl.Expr:
    micros = pl.lit(None, dtype=pl.Float64)
    for limit, factor in reversed(_EPOCH_STEPS):
        micros = pl.when(number < limit).then(number * factor).otherwise(micros)
    usable = number.is_finite() & (number >= 0)
    return pl.when(usable).then(micros).round().cast(pl.Int64, strict=False).cast(INSTANT)
