"""Grades that people gave in files of `mmsearch label`, beside the judgments of the source."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.casting.cast_table import cast_rows
from mmsearch_dagster.core.catalog.columns import ROW, SOURCE
from mmsearch_dagster.core.catalog.contract import RawTable
from mmsearch_dagster.core.errors import UserError

_HIGHEST = 3
# What a file of labels must have; what a person reads beside it is left out of what is kept.
COLUMNS = (col.QUERY_ID, col.QUERY_TEXT, col.PRODUCT_ID, col.GRADE, col.SPLIT)


def read_labels(file: Path) -> pl.DataFrame:
    """The graded rows of a file that `pairs_to_label` gave, in the judgments format.

    Raises:
        UserError: for a file that is not there or is no such file, and for a grade that is not 0 to 3.
    """
    try:
        rows = pl.read_csv(file, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{file} cannot be read as a CSV file: {error}") from error
    missing = [name for name in COLUMNS if name not in rows.columns]
    if missing:
        raise UserError(f"{file} has no column {', '.join(missing)}: fill in a file of `mmsearch label`")
    graded = rows.select(pl.col(*COLUMNS).str.strip_chars()).filter(pl.col(col.GRADE).fill_null("") != "")
    wrong = graded.filter(~pl.col(col.GRADE).is_in([str(grade) for grade in range(_HIGHEST + 1)]))
    if not wrong.is_empty():
        raise UserError(
            f"{file}: grade '{wrong[col.GRADE][0]}' of query '{wrong[col.QUERY_TEXT][0]}' "
            "is not 0, 1, 2 or 3: 0 does not fit, 3 fits fully"
        )
    return graded


def with_labels(judgments: RawTable, file: Path) -> RawTable:
    """The judgments of a source, and those that people of this home gave.

    Args:
        judgments: the table as read.
        file: the home's own labels.
    """
    rows = read_labels(file).with_columns(pl.lit(file.name).alias(SOURCE)).with_row_index(ROW, offset=1)
    frame = cast_rows(rows.lazy(), judgments.table).collect()
    return replace(judgments, frame=pl.concat([judgments.frame, frame]))
