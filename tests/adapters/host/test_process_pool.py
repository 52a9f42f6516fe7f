"""Work in several processes behaves as if it were done here, and none of them outlives its reason."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.adapters.host.process_pool import chunked, map_in_processes
from mmsearch_dagster.core.errors import MmsearchError, UserError
from mmsearch_dagster.core.progress import PROGRESS
from tests.watchers import Recorded, recorded

pytestmark = pytest.mark.slow

_AT_LEAST = 60.0


def squared(number: int) -> tuple[int, int]:
    """The square, and who computed it."""
    watcher = PROGRESS.get()
    watcher.start(f"square {number}", 1)
    watcher.advance(f"square {number}", 1)
    watcher.finish(f"square {number}", "done")
    return number * number, os.getpid()


def refuse_two(folder: Path, number: int) -> None:
    """The second argument is refused once the first is at work; the first goes on until it is stopped."""
    mark = folder / "at work"
    if number == 2:
        while not mark.exists():
            time.sleep(0.02)
        raise UserError("two is refused")
    mark.touch()
    go_on_for_ever(number)


def go_on_for_ever(number: int) -> None:
    """Only telling somebody ends it."""
    while True:
        PROGRESS.get().advance("for ever", number)
        time.sleep(0.02)


def note_and_go_on(folder: Path, number: int) -> None:
    """Like `go_on_for_ever` after telling its process's number, and without telling anybody."""
    (folder / str(os.getpid())).touch()
    time.sleep(600)


def end_abruptly(number: int) -> None:
    """As the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_results_come_in_the_order_of_the_arguments_from_other_processes() -> None:
    results = map_in_processes(squared, [3, 1, 2], processes=2)

    assert [value for value, _ in results] == [9, 1, 4]
    assert os.getpid() not in {process for _, process in results}


@pytest.mark.parametrize(("arguments", "processes"), [([3], 8), ([3, 4], 1), ([], 2)])
def test_one_process_is_this_one(arguments: list[int], processes: int) -> None:
    results = map_in_processes(squared, arguments, processes=processes)

    assert results == [(number * number, os.getpid()) for number in arguments]


@pytest.mark.parametrize("processes", [1, 2])
def test_whoever_watches_hears_of_all_of_it(processes: int) -> None:
    with recorded() as heard:
        map_in_processes(squared, [1, 2], processes=processes)

    for number in (1, 2):
        stage = f"square {number}"
        told = [event for event in heard.events if event[1] == stage]
        assert told == [("start", stage, 1), ("advance", stage, 1), ("finish", stage, "done")]


def test_the_first_error_is_raised_as_it_was_and_stops_the_others(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two is refused"):
        map_in_processes(partial(refuse_two, tmp_path), [1, 2], processes=2)


def test_a_process_ended_from_outside_is_a_clear_sentence() -> None:
    with pytest.raises(MmsearchError, match="ended from outside"):
        map_in_processes(end_abruptly, [1, 2], processes=2)


def map_until_interrupted(folder: Path) -> None:
    """What a step of Dagster's is: a child process whose interrupt is an exception in the main thread."""
    map_in_processes(partial(note_and_report, folder), [1, 2], processes=2)


def map_until_interrupted_in_silence(folder: Path) -> None:
    """The same with calls that report nothing for a long time."""
    map_in_processes(partial(note_and_go_on, folder), [1, 2], processes=2)


def note_and_report(folder: Path, number: int) -> None:
    """Like `go_on_for_ever` after noting its process's number."""
    (folder / str(os.getpid())).touch()
    go_on_for_ever(number)


@pytest.mark.parametrize("work", [map_until_interrupted, map_until_interrupted_in_silence])
def test_interrupted_in_a_child_process_it_ends_in_seconds_and_so_do_its_own(
    tmp_path: Path, work: Callable[[Path], None]
) -> None:
    """It used to wait for ever: children of `multiprocessing` wait for their own children before the pool
    has told those to end."""
    step = multiprocessing.get_context("spawn").Process(target=work, args=(tmp_path,))
    step.start()
    _wait_until(lambda: len(list(tmp_path.iterdir())) == 2)

    assert step.pid is not None
    os.kill(step.pid, signal.SIGINT)
    step.join(20)

    assert step.exitcode is not None
    _wait_until(lambda: not any(Path(f"/proc/{file.name}").exists() for file in tmp_path.iterdir()))


def test_killed_with_its_children_at_work_none_of_them_stays(tmp_path: Path) -> None:
    script = (
        "import sys; from functools import partial; from pathlib import Path\n"
        "from mmsearch_dagster.adapters.host.process_pool import map_in_processes\n"
        "from tests.adapters.host.test_process_pool import note_and_go_on\n"
        "if __name__ == '__main__':\n"
        "    map_in_processes(partial(note_and_go_on, Path(sys.argv[1])), [1, 2], processes=2)\n"
    )
    program = tmp_path / "program.py"
    program.write_text(script)
    noted = tmp_path / "noted"
    noted.mkdir()
    root = str(Path(__file__).parents[3])
    parent = subprocess.Popen(
        [sys.executable, str(program), str(noted)], env={**os.environ, "PYTHONPATH": root}
    )
    try:
        _wait_until(lambda: len(list(noted.iterdir())) == 2)
    finally:
        parent.kill()
        parent.wait()

    _wait_until(lambda: not any(Path(f"/proc/{file.name}").exists() for file in noted.iterdir()))


def test_items_are_split_into_a_chunk_per_core_that_has_enough_to_do() -> None:
    assert chunked(range(19), least=10) == [range(19)]
    assert chunked([], least=10) == [[]]
    hands = chunked(range(1_000), least=10)
    assert len(hands) == min(cores(), 100)
    assert sorted(one for hand in hands for one in hand) == list(range(1_000))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_progress_reporter_that_is_named_gets_the_reports_instead(processes: int) -> None:
    named = Recorded()
    with recorded() as around:
        map_in_processes(squared, [1, 2], processes=processes, progress=named)

    assert len(named.of("advance")) == 2
    assert not around.events


def _wait_until(so: Callable[[], bool]) -> None:
    """At most a minute, however busy the machine is."""
    end = time.monotonic() + _AT_LEAST
    while not so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
