"""Calls one function for several arguments in parallel processes that report their progress to this one."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.progress import PROGRESS, Progress

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue
    from multiprocessing.synchronize import Event

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")
_Message = tuple[str, tuple[str | int, ...]]
_LISTEN_SECONDS = 0.2
# How long calls that nobody wants any more may take to notice.
_PATIENCE_SECONDS = 3.0


def chunked(items: Sequence[_Argument], *, least: int) -> list[Sequence[_Argument]]:
    """Splits `items` into one chunk per CPU core, in turns.

    Args:
        items: what is to be worked on.
        least: the smallest number of items that is worth a process.

    Returns:
        Chunks of nearly equal size, at most one per core, each of at least `least` items; one chunk where
        there are fewer.
    """
    workers = max(1, min(cores(), len(items) // least))
    return [items[first::workers] for first in range(workers)]


def map_in_processes(
    work: Callable[[_Argument], _Result],
    arguments: Sequence[_Argument],
    *,
    processes: int,
    progress: Progress | None = None,
) -> list[_Result]:
    """Calls `work(argument)` for each argument, in separate processes where that pays.

    Args:
        work: a function that can be pickled.
        arguments: one per call; arguments and results must pickle, and hold no tensors.
        processes: how many processes at most; fewer than two: all calls run in this one.
        progress: gets what `work` reports to its PROGRESS; by default the one of this thread.

    Returns:
        The results, in the order of the arguments.

    Raises:
        Exception: the first error of any call. The other processes end at their next report of progress, or
            are ended after some seconds; and with this process, however it ends.
    """
    progress = progress or PROGRESS.get()
    count = min(processes, len(arguments))
    if count < 2:
        return _in_this_process(work, arguments, progress)
    context = multiprocessing.get_context("spawn")
    messages, stop = context.SimpleQueue(), context.Event()
    with ProcessPoolExecutor(count, context, initializer=_begin, initargs=(messages, stop)) as pool:
        futures = [pool.submit(work, argument) for argument in arguments]
        try:
            _pass_on(messages, futures, progress)
            return [future.result() for future in futures]
        except BrokenProcessPool as error:
            raise MmsearchError(
                f"one of {count} processes was ended from outside, most often for want of memory: run again, "
                "what is finished is kept"
            ) from error
        except BaseException:
            stop.set()
            _end(pool, messages)
            raise


def _end(pool: ProcessPoolExecutor, messages: "SimpleQueue[_Message]") -> None:
    """Returns when no process of the pool is left.

    A child of `multiprocessing`, as each step of Dagster is, joins its own children before the pool has told
    them to end: nothing may be left to the end of this process.
    """
    processes = list(pool._processes.values())
    pool.shutdown(wait=False, cancel_futures=True)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while any(process.is_alive() for process in processes) and time.monotonic() < deadline:
        while not messages.empty():  # a process that waits for room here could not end
            messages.get()
        time.sleep(_LISTEN_SECONDS)
    for process in processes:
        process.kill()
        process.join()


def _in_this_process(
    work: Callable[[_Argument], _Result], arguments: Sequence[_Argument], progress: Progress
) -> list[_Result]:
    before = PROGRESS.set(progress)
    try:
        return [work(argument) for argument in arguments]
    finally:
        PROGRESS.reset(before)


def _pass_on(
    messages: "SimpleQueue[_Message]", futures: "Sequence[Future[_Result]]", progress: Progress
) -> None:
    """Passes reports on until all calls are done; raises the error of the first that failed."""
    waiting: set[Future[_Result]] = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=_LISTEN_SECONDS, return_when=FIRST_EXCEPTION)
        while not messages.empty():
            method, values = messages.get()
            getattr(progress, method)(*values)
        for future in done:
            future.result()


class _StoppedError(Exception):
    """The caller no longer wants the result."""


@dataclass(frozen=True)
class _QueueProgress:
    """A Progress that reports to the process that started this one."""

    messages: "SimpleQueue[_Message]"
    stop: "Event"

    def start(self, stage: str, total: int) -> None:
        self._send("start", stage, total)

    def advance(self, stage: str, items: int) -> None:
        self._send("advance", stage, items)

    def finish(self, stage: str, note: str = "") -> None:
        self._send("finish", stage, note)

    def _send(self, method: str, *values: str | int) -> None:
        if self.stop.is_set():
            raise _StoppedError
        self.messages.put((method, values))


def _begin(messages: "SimpleQueue[_Message]", stop: "Event") -> None:
    """Ctrl-C reaches every process of a terminal: the first one decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    PROGRESS.set(_QueueProgress(messages, stop))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
