"""Texts without control characters and outer space, in composed letters."""

import html

import polars as pl

_SPACES = "[\t\r\n\u0085\u2028\u2029]+"
_CONTROLS = r"[\p{Cc}\x{FEFF}]"
# How spreadsheets are told to leave a text alone: ="00123" in any cell, '00123 in one of digits.
_FORMULA = r"^=\"([^\"]*)\"$"
_APOSTROPHE = r"^'(\d\S*)$"
_ENTITY = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"


def clean_text(text: pl.Expr) -> pl.Expr:
    """Line breaks to spaces, control characters away, NFC, trimmed; an empty text is null."""
    tidy = readable(text).str.normalize("NFC").str.strip_chars()
    return tidy.str.replace(_FORMULA, "$1").replace("", None)


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
