"""Texts without control characters and outer space, in composed letters."""

import polars as pl

_SPACES = "[\t\r\n\u0085\u2028\u2029]+"
_CONTROLS = r"[\p{Cc}\x{FEFF}]"


def clean_text(text: pl.Expr) -> pl.Expr:
    """Line breaks to spaces, control characters away, NFC, trimmed; an empty text is null."""
    return readable(text).str.normalize("NFC").str.strip_chars().replace("", None)


def readable(text: pl.Expr) -> pl.Expr:
    """Line breaks to spaces, control characters away; letters as they are written."""
    return text.str.replace_all(_SPACES, " ").str.replace_all(_CONTROLS, "")
