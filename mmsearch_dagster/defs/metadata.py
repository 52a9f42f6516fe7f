"""What a step did, as Dagster metadata and check results."""

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from mmsearch_dagster.pipeline.report import StepReport

_TABLE_ROWS = 25
_CELL_CHARACTERS = 80


def metadata_of(report: StepReport) -> dict[str, Any]:
    """The report as metadata: pictures and tables are Markdown, so the UI draws them."""
    entries: dict[str, Any] = {
        "dagster/row_count": report.rows,
        "snapshot": report.digest,
        "made now": report.made,
        "seconds": round(report.seconds, 3),
    }
    entries |= {name: value for name, value in report.metrics.items() if value is not None}
    entries |= {name: dg.MetadataValue.md(markdown_table(table)) for name, table in report.tables.items()}
    images = report.images | {name: draw() for name, draw in report.charts.items()}
    entries |= {name: dg.MetadataValue.md(image_markdown(name, png)) for name, png in images.items()}
    entries |= {name: dg.MetadataValue.path(str(path)) for name, path in report.links.items()}
    if report.note:
        entries["note"] = report.note
    return entries


def image_markdown(name: str, png: bytes) -> str:
    """A PNG inside the Markdown itself: the UI needs no file server."""
    return f"![{name}](data:image/png;base64,{base64.b64encode(png).decode()})"


def markdown_table(frame: pl.DataFrame) -> str:
    """The first rows as a Markdown table; cell text cannot break out of its cell."""
    lines = [frame.columns, ["---"] * frame.width, *frame.head(_TABLE_ROWS).iter_rows()]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: Any) -> str:
    missing = value is None or value != value  # NaN: there was nothing to measure
    text = "" if missing else f"{value:.4f}" if isinstance(value, float) else str(value)
    flat = " ".join(text.split())
    short = flat if len(flat) <= _CELL_CHARACTERS else f"{flat[:_CELL_CHARACTERS]}…"
    return html.escape(short, quote=False).replace("\\", "\\\\").replace("|", "\\|")


def check_results(checks: Sequence[Mapping[str, Any]]) -> list[dg.AssetCheckResult]:
    """Stored check outcomes (`name`, `passed`, `blocking`, `figures`) as Dagster shows them."""
    return [
        dg.AssetCheckResult(
            check_name=check["name"],
            passed=bool(check["passed"]),
            severity=dg.AssetCheckSeverity.ERROR
            if check.get("severity") == "error"
            else dg.AssetCheckSeverity.WARN,
            metadata={key: value for key, value in check.get("figures", {}).items() if value is not None},
            description=check.get("text"),
        )
        for check in checks
    ]
