"""Progress of a run on a terminal: stage, items per second, time left."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from mmsearch_dagster.core.progress import PROGRESS

console = Console()
errors = Console(stderr=True)


def print_plain(text: str) -> None:
    """A line as it is: no colours, no markup, not wrapped, so that it can be copied and searched."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


class Display:
    """Shows every stage while it works and leaves one line of each behind."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Display":
        self._bars.start()
        self._token = PROGRESS.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        PROGRESS.reset(self._token)
        self._bars.stop()

    def start(self, stage: str, total: int) -> None:
        self._drop(stage)
        self._tasks[stage] = self._bars.add_task(stage, total=total or None, speed="")

    def advance(self, stage: str, items: int) -> None:
        if stage not in self._tasks:
            return
        self._bars.advance(self._tasks[stage], items)
        task = next(task for task in self._bars.tasks if task.id == self._tasks[stage])
        speed = task.speed or (task.completed / task.elapsed if task.elapsed else 0)
        self._bars.update(task.id, speed=f"{int(task.completed):>6} at {speed:,.0f}/s")

    def finish(self, stage: str, note: str = "") -> None:
        self._drop(stage)
        if note:
            console.print(f"[green]✓[/] {stage:<28} [dim]{note}[/]", highlight=False)

    def _drop(self, stage: str) -> None:
        if stage in self._tasks:
            self._bars.remove_task(self._tasks.pop(stage))
