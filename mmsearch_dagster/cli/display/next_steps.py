"""Next steps at the end of a run: what was understood, what is missing and what it would bring."""

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Lake, write_atomically
from mmsearch_dagster.cli.display.missing_data import ShopTables, as_markdown, next_steps
from mmsearch_dagster.cli.display.progress import print_plain
from mmsearch_dagster.cli.display.quarantine import count_lines
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.settings import Settings

_SHOWN = 3
# Asset -> the contract table that it holds.
_TABLES = {"interactions": "events", "searches": "searches", "reviews": "reviews"}


def show(settings: Settings) -> None:
    """Prints the steps that bring most, and writes all of them to `reports/next_steps.markdown`."""
    lake, home = Lake(settings.paths.lake), str(settings.home)
    shop = _tables(lake)
    steps = next_steps(shop, home, str(settings.source or "source.yaml"))
    page = as_markdown(shop, steps, count_lines(settings.home), home)
    settings.paths.reports.mkdir(parents=True, exist_ok=True)
    write_atomically(settings.paths.next_steps, page.encode("utf-8"))
    for step in steps[:_SHOWN]:
        print_plain(f"missing: {step.missing}. It brings: {step.brings}. {step.command}")
    print_plain(f"What was understood, what is missing and what to do: {settings.paths.next_steps}")


def _tables(lake: Lake) -> ShopTables:
    rows = {table: int(lake.current(asset).facts.get("rows", 0)) for asset, table in _TABLES.items()}
    judged = pl.read_parquet(lake.current("queries").table_path, columns=[col.QUERY_ID])[
        col.QUERY_ID
    ].n_unique()
    return ShopTables.of(lake.current("products").table(), {"judgments": judged, **rows})
