"""Queries that arrive while others are answered are answered together: one look at the vectors serves all.

Nobody waits for a batch to fill: a worker that is free takes what is there.
"""

import threading
import time
from collections import deque
from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from threadpoolctl import threadpool_limits

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.serving.engine import Engine

# More gain little and let the first of them wait for the last.
_MOST_TOGETHER = 8


@dataclass(frozen=True, eq=False)
class _Request:
    """cores_free: it came when nothing else was searched or waited."""

    engine: Engine
    query: Query
    k: int
    where: str | None
    cores_free: bool
    begun: float = field(default_factory=time.perf_counter)
    answer: "Future[Answer]" = field(default_factory=Future)

    @property
    def shared(self) -> Hashable:
        """What queries must have in common to be answered together."""
        return id(self.engine), self.k, self.where


class MicroBatches:
    """Answers queries on a thread per core. Safe to share between threads.

    While it runs, a product of matrices uses one core: each worker has its own.
    """

    def __init__(self, workers: int | None = None) -> None:
        """workers: threads that answer; None: one per core, at least two, for some of the work waits."""
        self._workers = workers or max(2, cores())
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._working = 0
        self._stopped = False
        self._threads: list[threading.Thread] = []
        self._limits: threadpool_limits | None = None

    def start(self) -> None:
        """Begin to answer."""
        self._stopped = False
        self._limits = threadpool_limits(limits=1, user_api="blas")
        self._threads = [
            threading.Thread(target=self._work, name=f"search-{number}", daemon=True)
            for number in range(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Answer what waits, then end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        if self._limits is not None:
            self._limits.restore_original_limits()

    def search(self, engine: Engine, query: Query, *, k: int, where: str | None) -> "Future[Answer]":
        """What `Engine.search` answers, or raises."""
        with self._changed:
            cores_free = not self._waiting and not self._working
            request = _Request(engine, query, k, where, cores_free)
            self._waiting.append(request)
            self._changed.notify()
        return request.answer

    def _work(self) -> None:
        while taken := self._taken():
            if together := [each for each in taken if each.answer.set_running_or_notify_cancel()]:
                _answer(together)
            with self._changed:
                self._working -= 1

    def _taken(self) -> list[_Request]:
        """The oldest request and others that can be answered with it, a share per worker of those that wait;
        nothing when stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopped)
            if not self._waiting:
                return []
            share = min(_MOST_TOGETHER, -(-len(self._waiting) // self._workers))
            first = self._waiting[0].shared
            taken = [request for request in self._waiting if request.shared == first][:share]
            self._waiting = deque(request for request in self._waiting if request not in taken)
            self._working += 1
            return taken


def _answer(requests: Sequence[_Request]) -> None:
    """Each gets its answer or its error; an error that is not of one query is looked for query by query."""
    first = requests[0]
    try:
        answers = first.engine.search_batch(
            [request.query for request in requests],
            k=first.k,
            where=first.where,
            cores_free=len(requests) == 1 and first.cores_free,
        )
    except Exception as error:
        if len(requests) > 1:
            for request in requests:
                _answer([request])
        else:
            first.answer.set_exception(error)
        return
    for request, answer in zip(requests, answers, strict=True):
        if answer.problem is not None:
            request.answer.set_exception(QueryError(answer.problem))
        else:
            took_ms = (time.perf_counter() - request.begun) * 1000
            request.answer.set_result(replace(answer, took_ms=took_ms))
