"""MovieLens-format ratings: `ratings.csv`, `u.data` (ml-100k), `ratings.dat` (ml-1m), RecBole's `.inter`.

All hold user, item, rating and epoch seconds; the first line shows which format a file has.
"""

import re
from pathlib import Path

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.casting.cast_scalars import as_number, as_text
from mmsearch_dagster.core.catalog.casting.instants import as_instant
from mmsearch_dagster.core.errors import SourceError
from mmsearch_dagster.core.suggest import did_you_mean

# Names without case, underscores and RecBole's `:token`, as tab-separated files have them -> the contract's.
_TAB_NAMES = {
    "userid": col.USER_ID,
    "user": col.USER_ID,
    "movieid": col.PRODUCT_ID,
    "itemid": col.PRODUCT_ID,
    "item": col.PRODUCT_ID,
    "productid": col.PRODUCT_ID,
    "rating": col.VALUE,
    "timestamp": col.TIMESTAMP,
    "time": col.TIMESTAMP,
}
_HEADER = {"userId": col.USER_ID, "movieId": col.PRODUCT_ID, "rating": col.VALUE, "timestamp": col.TIMESTAMP}
_NAMES = list(_HEADER.values())
_FORMATS = (
    "userId,movieId,rating,timestamp with that header; four columns parted by tabs, with or without names; "
    "or by '::'"
)
_RATE = "rate"


def read_ratings(path: Path) -> pl.DataFrame:
    """Reads a published file of ratings.

    Args:
        path: MovieLens' `::`, tab or comma separated format.

    Returns:
        One row per rating: `user_id`, `product_id`, `value`, `timestamp`, `action` = "rate", in file order.

    Raises:
        SourceError: the file is missing, empty or of another format; or the first row that cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"ratings file {path} cannot be read: {error.strerror or error}") from error
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise SourceError(f"ratings file {path} is empty: it must hold {_FORMATS}")
    rows, header = _rows(content, path)
    if not rows.height:
        raise SourceError(f"ratings file {path} has a header but no ratings")
    return _cast(rows, path, first_line=2 if header else 1)


def _rows(content: bytes, path: Path) -> tuple[pl.DataFrame, bool]:
    """All four columns as text under the contract's names, and whether the file has a header."""
    first = content.split(b"\n", 1)[0]
    if b"::" in first:
        return _by_position(_parse(content.replace(b"::", b"\t"), path, "\t", header=False), path), False
    if b"\t" in first:
        return _tabbed(content, path, first.decode("utf-8", errors="replace").strip("\r").split("\t"))
    table = _parse(content, path, ",", header=True)
    missing = [name for name in _HEADER if name not in table.columns]
    if missing:
        hint = did_you_mean(missing[0], table.columns)
        raise SourceError(f"ratings file {path} has no column '{missing[0]}', {hint} It must hold {_FORMATS}")
    return table.select(list(_HEADER)).rename(_HEADER), True


def _tabbed(content: bytes, path: Path, cells: list[str]) -> tuple[pl.DataFrame, bool]:
    """cells: of the first line. It is a header when it names all four columns, or when none of its cells is a
    number; then the columns stand in the usual order."""
    contract_names = [_TAB_NAMES.get(re.sub(r":.*|[_ ]", "", cell).lower()) for cell in cells]
    named = set(_NAMES) <= set(contract_names)
    header = named or not any(map(_is_number, cells))
    table = _parse(content, path, "\t", header=header)
    if not named:
        return _by_position(table, path), header
    return table.select(
        pl.col(table.columns[contract_names.index(name)]).alias(name) for name in _NAMES
    ), header


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parse(content: bytes, path: Path, separator: str, *, header: bool) -> pl.DataFrame:
    try:
        return pl.read_csv(
            content,
            separator=separator,
            has_header=header,
            infer_schema=False,
            quote_char='"' if separator == "," else None,
        )
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        message = " ".join(str(error).split())[:200]
        raise SourceError(f"ratings file {path} cannot be read as a table: {message}") from error


def _by_position(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    if table.width != len(_NAMES):
        raise SourceError(f"ratings file {path} has {table.width} columns: it must hold {_FORMATS}")
    return table.rename(dict(zip(table.columns, _NAMES, strict=True)))


def _cast(rows: pl.DataFrame, path: Path, first_line: int) -> pl.DataFrame:
    text = pl.String()
    cast = rows.select(
        as_text(pl.col(col.USER_ID), text).alias(col.USER_ID),
        as_text(pl.col(col.PRODUCT_ID), text).alias(col.PRODUCT_ID),
        as_number(pl.col(col.VALUE), text).alias(col.VALUE),
        as_instant(pl.col(col.TIMESTAMP), text).alias(col.TIMESTAMP),
    )
    readable = cast.select(
        [pl.col(col.VALUE).is_finite().fill_null(False)]
        + [pl.col(name).is_not_null() for name in (col.USER_ID, col.PRODUCT_ID, col.TIMESTAMP)]
    )
    for name in _NAMES:
        bad = (~readable[name]).arg_true()
        if len(bad):
            row = int(bad[0])
            shown = repr(rows[name][row])[:60]
            raise SourceError(
                f"ratings file {path}, line {row + first_line}: {shown} is no {_named(name)} "
                f"({len(bad)} of {rows.height} rows are like this): mend or remove them"
            )
    return cast.with_columns(pl.lit(_RATE).alias(col.ACTION))


def _named(column: str) -> str:
    return {col.VALUE: "rating", col.TIMESTAMP: "time in epoch seconds"}.get(column, column)
