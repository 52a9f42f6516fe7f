"""`mmsearch approve` and `mmsearch reject`: what a reviewer decides about a release that waits."""

from typing import TYPE_CHECKING, Annotated

import typer

from mmsearch_dagster.adapters.host.home import enough_space
from mmsearch_dagster.cli.options import DEFAULT, Home, released_of, run_settings
from mmsearch_dagster.cli.progress import console
from mmsearch_dagster.settings import Settings

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.registry.review.verdict import State

Version = Annotated[str, typer.Argument(help="Number or release id of the version, see `mmsearch releases`.")]
Note = Annotated[str, typer.Option("--note", help="Why; goes into the ledger and to the version in MLflow.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(approve)
    app.command()(reject)


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
