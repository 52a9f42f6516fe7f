"""products_raw -> products (+ quarantine), and the same for events and judgments."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from mmsearch_dagster.defs.metadata import check_results, metadata_of
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.defs.retries import retried
from mmsearch_dagster.pipeline.home import remember
from mmsearch_dagster.pipeline.ingest import tables
from mmsearch_dagster.settings import assets_folder

GROUP = "ingest"

_RAW = {
    "products": "One row is one product as the shop exports it, cast to the contract, nothing left out.",
    "events": "One row is one thing a shopper did with a product; people only as pseudonyms.",
    "searches": "One row is one logged search as read; people only as pseudonyms.",
    "judgments": "One row is one graded product of one judged query, as read.",
}
_GOOD = {
    "products": "One row is one product that keeps the contract.",
    "interactions": "One row is one event on a known product, in order of time.",
    "queries": "One row is one graded product of one judged query: train, validation or test.",
}


def _raw_asset(table: str) -> dg.AssetsDefinition:
    @dg.asset(
        code_version=tables.CODE_VERSION,
        name=tables.raw_asset(table),
        group_name=GROUP,
        description=_RAW[table],
        kinds={"polars"},
    )
    def read(workspace: WorkspaceResource) -> dg.MaterializeResult:
        opened = workspace.open()
        with retried():
            report = tables.read_raw(opened, table)
        # What a run of Dagster was given by its environment is the home's from here on.
        if table == "products":
            remember(opened.settings)
        return dg.MaterializeResult(metadata=metadata_of(report))

    return read


def _validated_asset(asset: str) -> dg.AssetsDefinition:
    table = tables.VALIDATED[asset]
    deps: list[Any] = [RAW_ASSETS[table]]
    if asset != "products":
        deps.append(dg.AssetKey("products"))
    quarantine = f"{asset}_quarantine"

    @dg.multi_asset(
        name=f"{asset}_validated",
        group_name=GROUP,
        specs=[
            dg.AssetSpec(
                asset,
                deps=deps,
                code_version=tables.CODE_VERSION,
                description=_GOOD[asset],
                kinds={"polars", "greatexpectations"},
            ),
            dg.AssetSpec(
                quarantine,
                deps=deps,
                code_version=tables.CODE_VERSION,
                description=f"One row is one broken row of {table}, with every reason and where it stood.",
                kinds={"polars"},
            ),
        ],
        check_specs=[
            dg.AssetCheckSpec(name=name, asset=asset, description=why)
            for name, why in tables.suite_rules(assets_folder(), table)
        ],
    )
    def validate(workspace: WorkspaceResource) -> Iterator[dg.MaterializeResult]:
        report, broken, checks = tables.validate(workspace.open(), asset)
        yield dg.MaterializeResult(asset_key=quarantine, metadata=metadata_of(broken))
        yield dg.MaterializeResult(
            asset_key=asset, metadata=metadata_of(report), check_results=check_results(checks)
        )

    return validate


RAW_ASSETS = {table: _raw_asset(table) for table in _RAW}
VALIDATED_ASSETS = {asset: _validated_asset(asset) for asset in _GOOD}
# Whoever spends time waits for all three: a table with too many broken rows stops the run before that.
VALIDATED_KEYS = [dg.AssetKey(asset) for asset in _GOOD]


@dg.asset(
    code_version=tables.CODE_VERSION,
    group_name=GROUP,
    deps=[RAW_ASSETS["searches"]],
    description="One row is one logged search: what was typed, by whom (a pseudonym), when.",
    kinds={"polars"},
)
def searches(workspace: WorkspaceResource) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=metadata_of(tables.read_searches(workspace.open())))


@dg.definitions
def ingest() -> dg.Definitions:
    """Everything that reads a shop."""
    return dg.Definitions(assets=[*RAW_ASSETS.values(), *VALIDATED_ASSETS.values(), searches])
