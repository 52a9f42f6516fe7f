"""`mmsearch history`, `prune`, `approve`, `reject`: releases as listed, kept and reviewed."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from mmsearch_dagster.adapters.host.home import enough_space
from mmsearch_dagster.cli.display.progress import console
from mmsearch_dagster.cli.options import DEFAULT, AsJson, Home, released_of, run_settings, settings_of
from mmsearch_dagster.settings import Settings

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.registry.verdict import State

Version = Annotated[str, typer.Argument(help="Number or release id of the version, see `mmsearch releases`.")]
Note = Annotated[str, typer.Option("--note", help="Why; goes into the ledger and to the version in MLflow.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(history)
    app.command()(prune)
    app.command()(approve)
    app.command()(reject)


def history(
    k: Annotated[int, typer.Option("--k", min=1, help="How many lines.")] = 30,
    as_json: AsJson = False,
    home: Home = DEFAULT,
) -> None:
    """What was released, refused, approved, rolled back and put right: who, when, why, and how to undo it."""
    from mmsearch_dagster.pipeline.release.history import history as read
    from mmsearch_dagster.pipeline.workspace import Workspace

    rows = read(Workspace(settings_of(home)))[:k]
    if not rows:
        released_of(home).releases()  # says why
    if as_json:
        print(json.dumps([{**row.line.model_dump(), "undo": row.undo} for row in rows], ensure_ascii=False))
        return
    for row in rows:
        line = row.line
        by_hand = " (by hand)" if line.by_hand else ""
        head = f"{line.when[:16].replace('T', ' ')}  {line.action}{by_hand}  {line.release_id}  {line.who}"
        details = [line.why, row.figures, f"undo: {row.undo}" if row.undo else ""]
        console.print(head, style="bold", highlight=False, markup=False, soft_wrap=True)
        for detail in filter(None, details):
            console.print(f"  {detail}", highlight=False, markup=False, soft_wrap=True)


def prune(
    keep: Annotated[
        int, typer.Option("--keep", help="How many of the last releases stay ready for a rollback.")
    ] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    home: Home = DEFAULT,
) -> None:
    """Remove what the last releases do not need: old versions, runs, index versions, snapshots, vectors."""
    from mmsearch_dagster.cli.display.tables import unused as unused_table
    from mmsearch_dagster.cli.run import alone_in
    from mmsearch_dagster.defs.dagster_home import prepare_dagster
    from mmsearch_dagster.defs.dagster_runs import old_runs_here, remove_old_runs_here
    from mmsearch_dagster.pipeline.retention.prune import find_unused
    from mmsearch_dagster.pipeline.retention.prune import prune as remove
    from mmsearch_dagster.pipeline.workspace import Workspace

    settings = run_settings(home)
    released_of(settings.home).releases()
    workspace = Workspace(settings)
    with enough_space(settings.home), alone_in(settings):
        prepare_dagster(settings)
        unused = find_unused(workspace, keep) if dry_run else remove(workspace, keep)
        runs = old_runs_here() if dry_run else remove_old_runs_here()
    rows = [*unused.rows(), ("runs in Dagster", len(runs), ", ".join(runs[:3]))]
    console.print(unused_table(rows, "Would go" if dry_run else "Gone"))
    console.print(f"Ready for a rollback: {', '.join(unused.kept)}", highlight=False, soft_wrap=True)


def approve(version: Version, note: Note = "", home: Home = DEFAULT) -> None:
    """Release a version that waits for a review (policy `promotion: review` in gate.yaml)."""
    _answer(run_settings(home), version, "approved", note)


def reject(version: Version, note: Note = "", home: Home = DEFAULT) -> None:
    """Close a version that waits for a review: it is never released."""
    _answer(run_settings(home), version, "rejected", note)


def _answer(settings: Settings, version: str, state: "State", note: str) -> None:
    from mmsearch_dagster.adapters.registry.ledger import current_user
    from mmsearch_dagster.cli.run import alone_in
    from mmsearch_dagster.pipeline.release.review import answer
    from mmsearch_dagster.pipeline.workspace import Workspace

    released_of(settings.home).releases()
    with enough_space(settings.home), alone_in(settings):
        look = answer(Workspace(settings), version, state, note=note, reviewer=current_user())
    for message in look.messages or ["Nothing to do: it was decided before."]:
        console.print(message, highlight=False, markup=False, soft_wrap=True)
