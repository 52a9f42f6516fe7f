"""What a step did: metrics, tables and images."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.progress import PROGRESS


@dataclass
class StepReport:
    """Metrics, tables and images of one step. `made` is False where a snapshot was used again; `charts` are
    images that are drawn when somebody shows them."""

    name: str
    digest: str = ""
    made: bool = True
    rows: int = 0
    seconds: float = 0.0
    metrics: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)
    charts: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    links: dict[str, Path] = field(default_factory=dict)
    note: str = ""

    def about(self, snapshot: Snapshot, made: bool) -> "StepReport":
        """Fill in what the snapshot says about itself."""
        self.digest, self.made = snapshot.digest, made
        self.rows = int(snapshot.facts.get("rows", 0))
        self.metrics |= {
            key.replace("_", " "): value
            for key, value in snapshot.facts.items()
            if not isinstance(value, dict | list)
        }
        return self


@contextmanager
def timed(name: str) -> Iterator[StepReport]:
    """A report whose seconds are those of the block; begin and end are reported as progress."""
    report = StepReport(name)
    progress = PROGRESS.get()
    progress.start(name, 0)
    began = time.perf_counter()
    yield report
    report.seconds = time.perf_counter() - began
    how = "made" if report.made else "unchanged, used again"
    progress.finish(name, f"{report.rows:,} rows, {report.seconds:.1f} s, {how}")
