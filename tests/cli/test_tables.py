"""What people read of a table on a terminal of 80 columns."""

import io

import polars as pl
import pytest
from rich.console import Console
from rich.table import Table

from mmsearch_dagster.adapters.registry.release_list import ReleaseRow
from mmsearch_dagster.cli import tables
from mmsearch_dagster.core.evaluation.comparison import METRICS
from mmsearch_dagster.core.fusion.config import STRATEGIES
from mmsearch_dagster.core.release import IndexPin, ReleaseManifest, RetrievalParams


def shown(table: Table, width: int = 80) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width).print(table)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return lines


def row(number: int, why: str | None = None) -> ReleaseRow:
    manifest = ReleaseManifest(
        release_id=f"r-{number:012x}",
        catalogue="fashion-of-the-big-shop",
        model_version=number,
        strategy="attention",
        weights_sha256="0",
        encoders=(),
        retrieval=RetrievalParams(),
        snapshots={},
        index=IndexPin(
            table="fashion-of-the-big-shop",
            tag="r",
            version=9,
            rows=1,
            vector_index="none",
            measured_recall=1.0,
        ),
    )
    status = "withdrawn" if why else "challenger"
    return ReleaseRow(manifest, status, "2026-11-22T20:19:36+00:00", why)


@pytest.mark.parametrize("why", [None, "the buyers saw last year's coats first, [red] ones above all"])
def test_the_id_that_a_rollback_needs_is_whole_on_a_small_terminal(why: str | None) -> None:
    text = "\n".join(shown(tables.releases([row(1), row(2, why)])))
    for whole in ("r-000000000001", "r-000000000002", "challenger", "2026-11-22 20:19"):
        assert whole in text
    assert " ".join(why.split()[:4]) in text if why else "withdrawn" not in text
    assert "20:19:36" not in text


def test_quality_shows_what_is_promised() -> None:
    branches = ["released engine", *(f"{one} + blend" for one in STRATEGIES)]
    frame = pl.DataFrame(
        [
            {"kind": "all", "branch": one, "queries": 20, "low": 0.1, "high": 0.9}
            | dict.fromkeys(METRICS, 0.125)
            for one in branches
        ]
    )
    lines = shown(tables.quality(frame, "all"))
    header = next(line for line in lines if "nDCG@10" in line)
    assert all(name in header for name in ("95% interval", "R@10", "MRR", "MAP"))
    assert "…" not in "".join(lines)
