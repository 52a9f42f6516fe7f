"""Texts without control characters and outer space, in composed letters."""

import html

import polars as pl

_SPACES = "[\t\r\n\u0085\u2028\u2029]+"
_CONTROLS = r"[\p{Cc}\x{FEFF}]"
# Spaces that do not break a line; signs without width that hyphenate, join words or turn the direction.
# Joiners of letters stay: emoji and Persian need them.
_WIDE_SPACES = r"[\x{A0}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]"
_INVISIBLE = r"[\x{AD}\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{2069}]"
# What databases and spreadsheets write where there is no value.
NO_VALUE = (
    "\\N", "NULL", "(null)", "(NULL)", "[NULL]", "<null>", "<NULL>", "#N/A", "#NA", "#NV", "#REF!",
    "#VALUE!", "#WERT!", "#BEZUG!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!",
)  # fmt: skip
# What scripts write there besides; in a text that people type these can be words.
_NO_VALUE_OF_SCRIPTS = ("null", "nan", "NaN", "None", "<NA>", "undefined")
# How spreadsheets are told to leave a text alone: ="00123" in any cell, '00123 in one of digits.
_FORMULA = r"^=\"([^\"]*)\"$"
_APOSTROPHE = r"^'(\d\S*)$"
_ENTITY = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"


def clean_text(text: pl.Expr) -> pl.Expr:
    """Any space to a plain one, what cannot be seen away, NFC, trimmed; "" and `NULL` are null."""
    tidy = without_invisible(readable(text)).str.replace_all(_WIDE_SPACES, " ")
    tidy = tidy.str.normalize("NFC").str.strip_chars().str.replace(_FORMULA, "$1")
    return tidy.replace(["", *NO_VALUE], None)


def without_invisible(text: pl.Expr) -> pl.Expr:
    """The text without soft hyphens, spaces of no width and marks of direction."""
    return text.str.replace_all(_INVISIBLE, "")


def without_script_words(text: pl.Expr) -> pl.Expr:
    """A product's text; null where a script wrote `nan` or `None` for no value."""
    return text.replace(list(_NO_VALUE_OF_SCRIPTS), None)


def without_entities(text: pl.Expr) -> pl.Expr:
    """`Mug &amp; Cup` as a page shows it."""
    shown = text.map_elements(html.unescape, return_dtype=pl.String)
    return pl.when(text.str.contains(_ENTITY)).then(clean_text(shown)).otherwise(text)


def as_id(text: pl.Expr) -> pl.Expr:
    """An id without the apostrophe by which a spreadsheet takes digits for a text."""
    return text.str.replace(_APOSTROPHE, "$1")


def readable(text: pl.Expr) -> pl.Expr:
    """Line breaks to spaces, control characters away; letters as they are written."""
    return text.str.replace_all(_SPACES, " ").str.replace_all(_CONTROLS, "")
