"""The file of pairs that a person grades on a page: continued after a restart, every grade kept at once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.core.labels.pair_to_label import PairToLabel
from mmsearch_dagster.pipeline.ingest.labels import COLUMNS, read_labels
from mmsearch_dagster.pipeline.labels.labelling import import_labels
from mmsearch_dagster.pipeline.workspace import Workspace


class LabelFile:
    """Pairs in a CSV file of `mmsearch label`. Safe to share between threads."""

    def __init__(self, workspace: Workspace, file: Path, rows: pl.DataFrame) -> None:
        self._workspace, self._file, self._rows, self._lock = workspace, file, rows, Lock()

    @classmethod
    def open(cls, workspace: Workspace, file: Path, new_pairs: Callable[[], pl.DataFrame]) -> "LabelFile":
        """The pairs of a file that are not all graded, else new ones, which are written to it.

        Args:
            workspace: the home that keeps the grades.
            file: may not be there yet.
            new_pairs: gives rows like `pairs_to_label`.

        Raises:
            UserError: for another file, or one with products that the home does not have.
        """
        rows = _unfinished(file)
        if rows is None:
            rows = new_pairs()
            write_atomically(file, rows.write_csv().encode("utf-8"))
        _check_products(workspace, file, rows)
        return cls(workspace, file, rows)

    @property
    def pairs(self) -> Sequence[PairToLabel]:
        """In the order of the file."""
        return [
            PairToLabel(
                query_id=row[col.QUERY_ID],
                query_text=row[col.QUERY_TEXT],
                product_id=row[col.PRODUCT_ID],
                title=row.get(col.TITLE),
                grade=int(row[col.GRADE]) if row[col.GRADE] else None,
            )
            for row in self._rows.iter_rows(named=True)
        ]

    def grade(self, row: int, grade: int) -> None:
        """Keeps a grade in the file, and for the next run.

        Args:
            row: of the pair, from 0.
            grade: 0 to 3.
        """
        with self._lock:
            grades = self._rows[col.GRADE].to_list()
            grades[row] = str(grade)
            self._rows = self._rows.with_columns(pl.Series(col.GRADE, grades, pl.String))
            write_atomically(self._file, self._rows.write_csv().encode("utf-8"))
            import_labels(self._workspace, self._file)


def _unfinished(file: Path) -> pl.DataFrame | None:
    """The rows of a file with a pair that has no grade; None without a file, or where all are graded."""
    if not file.is_file():
        return None
    graded = read_labels(file)  # refuses another file, and a wrong grade
    rows = pl.read_csv(file, infer_schema=False).with_columns(pl.col(*COLUMNS).str.strip_chars())
    return rows if graded.height < rows.height else None


def _check_products(workspace: Workspace, file: Path, rows: pl.DataFrame) -> None:
    products = workspace.lake.current("products").table()[col.PRODUCT_ID]
    strange = rows.filter(~pl.col(col.PRODUCT_ID).is_in(products.implode()))
    if not strange.is_empty():
        raise UserError(
            f"{file} has pairs of products that this home does not have, such as "
            f"'{strange[col.PRODUCT_ID][0]}': give another --out"
        )
