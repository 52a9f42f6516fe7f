"""The ledger as an asset: noted by the sensor `review` as soon as there are new lines."""

import dagster as dg
import polars as pl

from mmsearch_dagster.defs.metadata import markdown_table
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.pipeline.release.history import history
from mmsearch_dagster.pipeline.workspace import Workspace

NAME = "ledger"
_SHOWN = 25


def ledger_metadata(workspace: Workspace) -> dict[str, dg.MetadataValue]:
    """How many lines there are, and the newest."""
    rows = history(workspace)
    table = [
        {
            "when": row.line.when,
            "who": row.line.who,
            "action": row.line.action,
            "release": row.line.release_id,
            "why": row.line.why,
            "undo": row.undo,
        }
        for row in rows[:_SHOWN]
    ]
    schema: dict[str, type[pl.String]] = dict.fromkeys(
        ("when", "who", "action", "release", "why", "undo"), pl.String
    )
    return {
        "dagster/row_count": dg.MetadataValue.int(len(rows)),
        "newest lines": dg.MetadataValue.md(markdown_table(pl.DataFrame(table, schema=schema))),
        "file": dg.MetadataValue.path(str(workspace.paths.ledger)),
    }


@dg.asset(
    name=NAME,
    group_name="release",
    code_version="1",
    deps=[dg.AssetKey("release"), dg.AssetKey("catalogue_refresh")],
    description="One line for each thing that was decided about a release: who, what, when, why.",
    kinds={"json"},
)
def ledger(workspace: WorkspaceResource) -> dg.MaterializeResult:
    """The newest lines, as people read them."""
    return dg.MaterializeResult(metadata=ledger_metadata(workspace.open()))


@dg.definitions
def ledgers() -> dg.Definitions:
    """The asset."""
    return dg.Definitions(assets=[ledger])
