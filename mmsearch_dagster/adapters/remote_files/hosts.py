"""How each host is treated: few requests at a time, left alone when it asks, given up when it is down."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mmsearch_dagster.adapters.remote_files.fetching import FetchError

# Addresses in a row for which a host gave no answer at all; after so many it is not asked again in this run.
_GIVE_UP_AFTER = 3


@dataclass
class Host:
    """One host in one run. free: how many requests it may get now; not_before: on the run's clock."""

    free: threading.BoundedSemaphore
    lock: threading.Lock = field(default_factory=threading.Lock)
    not_before: float = 0.0
    failures: int = 0
    last_reason: str = ""

    @contextmanager
    def one_request(self) -> Iterator[None]:
        """Waits for its turn. Raises FetchError where the host was given up."""
        with self.free:
            if self.failures >= _GIVE_UP_AFTER:
                raise FetchError(f"its host was given up in this run: {self.last_reason}", host_down=True)
            yield

    def answered(self) -> None:
        """The host is there."""
        with self.lock:
            self.failures = 0

    def failed(self, reason: str) -> None:
        """All tries for one address ended without an answer."""
        with self.lock:
            self.failures += 1
            self.last_reason = reason

    def leave_alone(self, until: float) -> None:
        """No request before that moment."""
        with self.lock:
            self.not_before = max(self.not_before, until)


class Hosts:
    """All hosts of one run, each made when it is first asked."""

    def __init__(self, per_host: int) -> None:
        self._per_host, self._lock = per_host, threading.Lock()
        self._hosts: dict[str, Host] = {}

    def of(self, name: str) -> Host:
        with self._lock:
            if name not in self._hosts:
                self._hosts[name] = Host(threading.BoundedSemaphore(self._per_host))
            return self._hosts[name]
