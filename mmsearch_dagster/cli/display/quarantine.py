"""The rows that a run did not keep as they are, printed with their reasons and a summary."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.cli.display.progress import print_plain
from mmsearch_dagster.pipeline.ingest.row_counts import all_row_counts, set_aside
from mmsearch_dagster.settings import HomePaths

_REASONS = "reasons"


def show(home: Path, table: str, k: int, *, as_json: bool) -> None:
    """Prints the quarantined rows of a table, then those with a value left empty."""
    rows = set_aside(Lake(HomePaths(home).lake), table)
    if as_json:
        both = [
            (name, frame) for name, frame in (("quarantined", rows.quarantined), ("emptied", rows.emptied))
        ]
        for name, frame in both:
            for row in frame.head(k).with_columns(pl.lit(name).alias("what")).iter_rows(named=True):
                print_plain(pl.DataFrame([row]).write_ndjson().strip())
        return
    _listed(rows.quarantined, f"{table}: {rows.quarantined.height:,} rows in quarantine", k)
    if rows.emptied.height:
        _listed(rows.emptied, f"{table}: {rows.emptied.height:,} rows kept with a value left empty", k)


def _listed(frame: pl.DataFrame, title: str, k: int) -> None:
    print_plain(title)
    for row in frame.head(k).iter_rows(named=True):
        source, number, identity, *_ = row.values()
        print_plain(f"  {source}, row {number}, {identity or 'without id'}: {'; '.join(row[_REASONS])}")
    if frame.height > k:
        print_plain(f"  ... {frame.height - k:,} more: --k {frame.height}")


def show_counts(home: Path, before: Mapping[str, str] | None = None) -> None:
    """Prints for every table how many rows were kept, quarantined, left out, and why.

    before: asset -> snapshot of the release before, to compare with.
    """
    for line in count_lines(home, before):
        print_plain(line)


def count_lines(home: Path, before: Mapping[str, str] | None = None) -> list[str]:
    """What became of the rows of every table, in sentences. before: as in `show_counts`."""
    return [
        line
        for counts in all_row_counts(Lake(HomePaths(home).lake), before)
        for line in counts.lines(f"`mmsearch quarantine {counts.table} --home {home}`")
    ]
