"""`mmsearch label`: pairs for a person to grade, and grades for the next run."""

from pathlib import Path
from typing import TYPE_CHECKING

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.cli.progress import console
from mmsearch_dagster.pipeline.labelling import import_labels, pairs_to_label
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.serving.open_release import Released
    from mmsearch_dagster.settings import Settings


def write(settings: "Settings", released: "Released", out: Path, limit: int) -> None:
    """A CSV file with the pairs whose grade says most."""
    pairs = pairs_to_label(Workspace(settings), released.engine(), limit=limit)
    write_atomically(out, pairs.write_csv().encode("utf-8"))
    console.print(
        f"{out}: {pairs.height} pairs of {pairs['query_id'].n_unique()} queries. Fill in the column grade "
        f"(3 fits fully, 2 mostly, 1 somewhat, 0 not at all), then: mmsearch label --import {out}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def read(settings: "Settings", file: Path) -> None:
    """Keep the grades of a file for the next run."""
    count = import_labels(Workspace(settings), file)
    console.print(
        f"{count} grades are kept in {settings.paths.labels}; the next `mmsearch run` reads them as "
        "judgments",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
