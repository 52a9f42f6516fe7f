"""The pipeline through the command line and Dagster, beside the same functions in a plain script."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.child import run
from tests.bench.ratio import Ratio, cost, in_turns

TARGET = 1.15

# The command that refreshes a home, given the home.
Command = Callable[[Path], Sequence[str]]


def measure(work: Path, source: Path | None, *, rounds: int) -> list[Ratio]:
    """Wall time of `mmsearch run` over the plain script, a fresh home each; None: the sample store."""
    shop = [] if source is None else ["--source", str(source)]
    mmsearch = str(Path(sys.executable).with_name("mmsearch"))

    def through_dagster(home: Path) -> Sequence[str]:
        return [mmsearch, "run", "--home", str(home), *shop]

    def plainly(home: Path) -> Sequence[str]:
        return [sys.executable, "-m", "tests.bench.plain_run", "--home", str(home), *shop]

    return compare(through_dagster, plainly, work, rounds=rounds)


def compare(ours: Command, theirs: Command, work: Path, *, rounds: int) -> list[Ratio]:
    """Both commands in turns. Raises ChildError when one fails."""

    def once(command: Command, home: Path) -> None:
        try:
            run(command(home))
        finally:
            shutil.rmtree(home, ignore_errors=True)

    seconds = in_turns(
        {"theirs": lambda: once(theirs, work / "plain"), "ours": lambda: once(ours, work / "dagster")}, rounds
    )
    note = "fresh home, fresh process"
    what = "pipeline: mmsearch run / plain script"
    return [cost(what, "s", seconds["ours"], seconds["theirs"], target=TARGET, note=note)]
