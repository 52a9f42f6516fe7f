"""Parquet, with the types it brings; dictionaries of texts are texts."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import polars.selectors as cs

from mmsearch_dagster.core.catalog.columns import BROKEN, NUMBER
from mmsearch_dagster.core.errors import SourceError


def _scan(path: Path) -> pl.LazyFrame:
    rows = pl.scan_parquet(path, row_index_name=NUMBER, glob=False)
    return rows.with_columns((cs.categorical() | cs.enum()).cast(pl.String))


def types_of(path: Path) -> dict[str, pl.DataType]:
    """Column -> type, from the footer. Raises SourceError for a file cut short or damaged."""
    try:
        types = dict(_scan(path).collect_schema())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from error
    types.pop(NUMBER)
    return types


def read(path: Path, wanted: Sequence[str]) -> pl.DataFrame:
    """Reads columns of a Parquet file.

    Args:
        path: the file.
        wanted: names of columns.

    Returns:
        The columns in their own types, plus NUMBER from 1 and an empty BROKEN.
    """
    scan = _scan(path).select((pl.col(NUMBER).cast(pl.Int64) + 1).alias(NUMBER), *wanted)
    try:
        rows = scan.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from error
    return rows.with_columns(pl.lit(None, dtype=pl.String).alias(BROKEN))


def _unreadable(path: Path, error: Exception) -> SourceError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return SourceError(f"{path}: not readable as Parquet ({reason}); export it again")
