"""`mmsearch label`: pairs for a person to grade, and grades for the next run."""

from pathlib import Path
from typing import TYPE_CHECKING

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.cli.display.progress import console
from mmsearch_dagster.pipeline.labels.labelling import import_labels, pairs_to_label
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.serving.open_release import Released
    from mmsearch_dagster.settings import Settings

# The page changes files of its user: it is for the browser of this machine.
_HERE = "127.0.0.1"


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


def serve(settings: "Settings", released: "Released", out: Path, limit: int, *, port: int) -> None:
    """A page on this machine where the pairs are graded, until Ctrl-C; it goes on with an unfinished file.

    Raises:
        UserError: where nothing can listen at this port, or `out` is another file.
    """
    from mmsearch_dagster.adapters.remote_files.media_cache import MediaCache
    from mmsearch_dagster.api.label_page import create_label_app
    from mmsearch_dagster.cli.serve import bound, run
    from mmsearch_dagster.pipeline.labels.label_file import LabelFile

    workspace, engine = Workspace(settings), released.engine()
    labels = LabelFile.open(workspace, out, lambda: pairs_to_label(workspace, engine, limit=limit))
    root = Path(engine.manifest.media_root) if engine.manifest.media_root else None
    app = create_label_app(labels, engine.payload, root, MediaCache(settings.paths.media).file_of)
    with bound(_HERE, port, "--port") as listener:
        console.print(
            f"Label page  http://{_HERE}:{listener.getsockname()[1]}/\n{len(labels.pairs)} pairs in {out}; "
            f"each grade is kept in {settings.paths.labels} too, where the next `mmsearch run` reads it. "
            "Ctrl-C ends it.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        run(app, listener)


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
