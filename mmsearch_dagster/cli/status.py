"""`mmsearch status`: the page and the short text of it."""

from mmsearch_dagster.cli.display.progress import console
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.monitoring.status import status_lines
from mmsearch_dagster.pipeline.monitoring.status import home_status, write_status_page
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings


def show(settings: Settings, *, open_page: bool = False) -> None:
    """Prints the state of a home and writes its page.

    open_page: show the page in the browser too.
    """
    import webbrowser

    from mmsearch_dagster.defs.scheduler import scheduler_of

    workspace = Workspace(settings)
    scheduler = scheduler_of(settings.paths.dagster, workspace.clock())
    status = home_status(workspace, scheduler, warning=released_of(settings.home).warning())
    for line in status_lines(status):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if not settings.home.is_dir():
        return
    file = write_status_page(workspace, status)
    console.print(f"Page:       {file}", highlight=False, markup=False, soft_wrap=True)
    if open_page:
        webbrowser.open(file.as_uri())
