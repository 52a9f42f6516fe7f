"""Names and addresses of media files in a cell: one, a list, or a JSON array."""

import json
import re

import polars as pl

from mmsearch_dagster.core.catalog.casting.attributes import as_json_text, as_literal
from mmsearch_dagster.core.catalog.casting.texts import NO_VALUE, readable

# Comma lists of shop exports: a comma parts only what are names of files or addresses.
_FILE = re.compile(
    r"(?i)^(?:https?:)?//\S+$|^[^,;]*\.(?:jpe?g|png|webp|gif|avif|bmp|tiff?|heic|heif)(?:\?\S*)?$"
)
_ADDRESS = re.compile(r"(?i)(?:https?:)?//")
_SIGNS = (",", ";", "\n")
# Where one address stands, only another one begins a new name: a comma may be part of it.
_NEXT_ADDRESS = re.compile(r"(?i)\s*(?:[,;|\s]|::)\s*(?=(?:https?:)?//|(?:s3|gs)://)")
_BACKSLASHED = r"(?i)^https?:\\"
# What shop systems write for no picture.
_NO_PICTURE = (*NO_VALUE, "no_selection", "null", "nan", "NaN", "None", "-", "n/a", "N/A")
_SCHEME = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//"
_WINDOWS_DRIVE = r"^[A-Za-z]:"


def as_uri(text: pl.Expr) -> pl.Expr:
    """A trimmed name, its letters as they are written: a disk may hold them decomposed."""
    name = readable(text).str.strip_chars().str.strip_chars('"')
    slashed = pl.when(name.str.contains(_BACKSLASHED)).then(name.str.replace_all("\\", "/", literal=True))
    return slashed.otherwise(name).replace(["", *_NO_PICTURE], None)


def as_uris(value: pl.Expr, dtype: pl.DataType, separator: str) -> pl.Expr:
    """A list of names from a list, a JSON array, or one separated text; each once; an empty list is null.

    Args:
        value: the column.
        dtype: its type.
        separator: between two names in a text.
    """
    if isinstance(dtype, pl.List | pl.Array):
        listed = value.arr.to_list() if isinstance(dtype, pl.Array) else value
        parts = listed.cast(pl.List(pl.String))
    else:
        text = value.cast(pl.String).str.strip_chars()
        parts = text.map_elements(lambda cell: _parts(cell, separator), return_dtype=pl.List(pl.String))
    parts = parts.list.eval(as_uri(pl.element())).list.drop_nulls().list.unique(maintain_order=True)
    return pl.when(parts.list.len() > 0).then(parts)


def _parts(cell: str, separator: str) -> list[str]:
    array = _json_array(cell)
    if array is not None:
        return array
    parts = cell.split(separator)
    return [name for part in parts for name in _json_array(part.strip()) or _of_files(part)]


def _json_array(text: str) -> list[str] | None:
    if not text.startswith("["):
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = as_literal(text)
    if not isinstance(values, list):
        return None
    return [as_json_text(value) for value in values if value is not None]


def _of_files(text: str) -> list[str]:
    if _NEXT_ADDRESS.search(text) or _ADDRESS.match(text.strip()):
        return [part for part in _NEXT_ADDRESS.split(text) if part.strip()]
    for sign in _SIGNS:
        parts = [part.strip() for part in text.split(sign) if part.strip()]
        if len(parts) > 1 and all(_FILE.match(part) for part in parts):
            return parts
    return [text]


def below(uri: pl.Expr, base: str | None) -> pl.Expr:
    """Names that begin with a slash, as exports mean them: below the base, or below the source's folder.

    Args:
        uri: names and addresses.
        base: a folder or an address that all names without a scheme are below; None for the source's folder.
    """
    relative = (
        uri.str.strip_chars_start("/\\")
        if base is None
        else pl.lit(f"{base.rstrip('/')}/") + (uri.str.replace(r"^(?:\./)?[/\\]*", ""))
    )
    elsewhere = uri.str.contains(_SCHEME) | uri.str.contains(_WINDOWS_DRIVE)
    return pl.when(elsewhere).then(uri).otherwise(relative)
