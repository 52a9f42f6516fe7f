"""One function on several arguments, each in a process of its own; they tell their progress as if here."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.progress import WATCHER, Progress

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue
    from multiprocessing.synchronize import Event

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")
_Told = tuple[str, tuple[str | int, ...]]
_LISTEN_SECONDS = 0.2


def dealt(items: Sequence[_Argument], *, least: int) -> list[Sequence[_Argument]]:
    """The items in turns to as many hands as there are cores, but at least so many to each."""
    hands = max(1, min(cores(), len(items) // least))
    return [items[first::hands] for first in range(hands)]


def side_by_side(
    work: Callable[[_Argument], _Result],
    arguments: Sequence[_Argument],
    *,
    processes: int,
    watcher: Progress | None = None,
) -> list[_Result]:
    """`work(argument)` of each, in their order; in this process where fewer than two are asked for.

    work, arguments and results must pickle, and hold no tensors. watcher: hears of all that work tells its
    WATCHER; without one, whoever watches this thread. Raises the first error; the other processes end at
    their next sign of progress, and with this one, however it ends.
    """
    watcher = watcher or WATCHER.get()
    count = min(processes, len(arguments))
    if count < 2:
        return _one_by_one(work, arguments, watcher)
    context = multiprocessing.get_context("spawn")
    told, stop = context.SimpleQueue(), context.Event()
    with ProcessPoolExecutor(count, context, initializer=_begin, initargs=(told, stop)) as pool:
        futures = [pool.submit(work, one) for one in arguments]
        try:
            _pass_on(told, futures, watcher)
            return [one.result() for one in futures]
        except BrokenProcessPool as error:
            raise MmsearchError(
                f"one of {count} processes was ended from outside, most often for want of memory: run again, "
                "what is finished is kept"
            ) from error
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one_by_one(
    work: Callable[[_Argument], _Result], arguments: Sequence[_Argument], watcher: Progress
) -> list[_Result]:
    before = WATCHER.set(watcher)
    try:
        return [work(one) for one in arguments]
    finally:
        WATCHER.reset(before)


def _pass_on(told: "SimpleQueue[_Told]", futures: "Sequence[Future[_Result]]", watcher: Progress) -> None:
    """Until all are done; raises what the first that failed raised."""
    waiting: set[Future[_Result]] = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=_LISTEN_SECONDS, return_when=FIRST_EXCEPTION)
        while not told.empty():
            method, values = told.get()
            getattr(watcher, method)(*values)
        for one in done:
            one.result()


class _StoppedError(Exception):
    """The caller no longer wants the result."""


@dataclass(frozen=True)
class _Teller:
    """A Progress that speaks to the process that started this one."""

    told: "SimpleQueue[_Told]"
    stop: "Event"

    def start(self, stage: str, total: int) -> None:
        self._tell("start", stage, total)

    def advance(self, stage: str, items: int) -> None:
        self._tell("advance", stage, items)

    def finish(self, stage: str, note: str = "") -> None:
        self._tell("finish", stage, note)

    def _tell(self, method: str, *values: str | int) -> None:
        if self.stop.is_set():
            raise _StoppedError
        self.told.put((method, values))


def _begin(told: "SimpleQueue[_Told]", stop: "Event") -> None:
    """Ctrl-C reaches every process of a terminal: the first one decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    WATCHER.set(_Teller(told, stop))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
