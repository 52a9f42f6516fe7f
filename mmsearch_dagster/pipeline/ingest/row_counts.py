"""What became of every table's rows in the last run, and the rows that were not kept as they are."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Lake, Snapshot
from mmsearch_dagster.core.catalog.row_counts import RowCounts, counts_of
from mmsearch_dagster.core.errors import ConfigError, MmsearchError
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.pipeline.ingest.tables import EMPTIED, QUARANTINE, VALIDATED

# Contract table -> the asset with its good rows, and the one with its broken rows.
_ASSETS = {
    **{table: (asset, f"{asset}_quarantine") for asset, table in VALIDATED.items()},
    "searches": ("searches", "searches"),
    "reviews": ("reviews", "reviews"),
}


@dataclass(frozen=True)
class SetAside:
    """Rows of one table: broken ones, and those that are kept with a value left empty."""

    quarantined: pl.DataFrame
    emptied: pl.DataFrame


def all_row_counts(lake: Lake, before: Mapping[str, str] | None = None) -> list[RowCounts]:
    """The counts of every table that was read and holds or held a row.

    Args:
        lake: of the home.
        before: asset -> digest of the snapshots of the release before, to compare with.
    """
    counts = [_row_counts(lake, table, before or {}) for table in _ASSETS]
    return [count for count in counts if count is not None and (count.kept or count.is_notable)]


def _row_counts(lake: Lake, table: str, before: Mapping[str, str]) -> RowCounts | None:
    kept, broken = (_current(lake, asset) for asset in _ASSETS[table])
    if kept is None or broken is None:
        return None
    counts = counts_of(table, broken.facts, kept=int(kept.facts.get("rows", 0)))
    earlier = lake.find(kept.asset, before[kept.asset]) if kept.asset in before else None
    return counts.compared_with(int(earlier.facts.get("rows", 0))) if earlier else counts


def _current(lake: Lake, asset: str) -> Snapshot | None:
    try:
        return lake.current(asset)
    except MmsearchError:
        return None


def set_aside(lake: Lake, table: str) -> SetAside:
    """The rows of `table` that were not kept as they are.

    Args:
        lake: of the home.
        table: name of a contract table, or of the asset with its good rows.

    Raises:
        ConfigError: there is no such table, or it was never read here.
    """
    named = VALIDATED.get(table, table)
    if named not in _ASSETS:
        raise ConfigError(f"unknown table '{table}'; {did_you_mean(table, _ASSETS)}")
    asset = _ASSETS[named][1]
    snapshot = _current(lake, asset)
    if snapshot is None:
        raise ConfigError(f"no run in this home has read {named} yet: mmsearch run")
    broken = QUARANTINE if asset == named and asset != "products" else "table.parquet"
    return SetAside(_rows(snapshot, broken), _rows(snapshot, EMPTIED))


def _rows(snapshot: Snapshot, file: str) -> pl.DataFrame:
    path = snapshot.folder / file
    return pl.read_parquet(path) if path.exists() else pl.DataFrame()
