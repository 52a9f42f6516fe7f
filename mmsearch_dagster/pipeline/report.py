"""What a step did, in words for Dagster's UI and for the terminal."""

import base64
import html
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.progress import WATCHER

_TABLE_ROWS = 25
_CELL_CHARACTERS = 80


@dataclass
class StepReport:
    """Figures, tables and pictures of one step. `made` is False where a snapshot was used again."""

    name: str
    digest: str = ""
    made: bool = True
    rows: int = 0
    seconds: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, Path] = field(default_factory=dict)
    note: str = ""

    def about(self, snapshot: Snapshot, made: bool) -> "StepReport":
        """Fill in what the snapshot says about itself."""
        self.digest, self.made = snapshot.digest, made
        self.rows = int(snapshot.facts.get("rows", 0))
        self.figures |= {
            key: value for key, value in snapshot.facts.items() if not isinstance(value, dict | list)
        }
        return self

    def metadata(self) -> dict[str, Any]:
        """As Dagster metadata: pictures and tables are Markdown, so the UI draws them."""
        entries: dict[str, Any] = {
            "dagster/row_count": self.rows,
            "snapshot": self.digest,
            "made now": self.made,
            "seconds": round(self.seconds, 3),
        }
        entries |= {name: value for name, value in self.figures.items() if value is not None}
        entries |= {name: dg.MetadataValue.md(markdown_table(table)) for name, table in self.tables.items()}
        entries |= {
            name: dg.MetadataValue.md(picture_markdown(name, png)) for name, png in self.pictures.items()
        }
        entries |= {name: dg.MetadataValue.path(str(path)) for name, path in self.links.items()}
        if self.note:
            entries["note"] = self.note
        return entries


@contextmanager
def timed(name: str) -> Iterator[StepReport]:
    """A report whose seconds are the block's; whoever watches is told at both ends."""
    report = StepReport(name)
    watcher = WATCHER.get()
    watcher.start(name, 0)
    began = time.perf_counter()
    yield report
    report.seconds = time.perf_counter() - began
    how = "made" if report.made else "unchanged, used again"
    watcher.finish(name, f"{report.rows:,} rows, {report.seconds:.1f} s, {how}")


def picture_markdown(name: str, png: bytes) -> str:
    """A PNG inside the Markdown itself: the UI needs no file server."""
    return f"![{name}](data:image/png;base64,{base64.b64encode(png).decode()})"


def markdown_table(frame: pl.DataFrame) -> str:
    """The first rows as a Markdown table; cell text cannot break out of its cell."""
    lines = [frame.columns, ["---"] * frame.width, *frame.head(_TABLE_ROWS).iter_rows()]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: Any) -> str:
    text = f"{value:.4f}" if isinstance(value, float) else "" if value is None else str(value)
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
