"""Who may write a home: one refresh alone, or steps of Dagster's runs beside each other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import ReadWriteLock, Timeout

from mmsearch_dagster.adapters.host.home import writing
from mmsearch_dagster.core.errors import UserError

# Longer than a look of `watch`, shorter than anybody would wonder.
PATIENCE_SECONDS = 30


@contextmanager
def alone(
    file: Path, waiting: Callable[[], object] | None = None, *, patience: float = PATIENCE_SECONDS
) -> Iterator[None]:
    """Holds the home for a whole refresh, without any other step beside it; the lock ends with its process.

    Args:
        file: the home's lock file.
        waiting: called where only steps of Dagster's runs hold the lock; None: they are not waited for.
        patience: seconds these steps get to end.

    Raises:
        UserError: another run is at work, still after `patience`.
        ConfigError: the home cannot be written.
    """
    lock = _lock(file)
    with writing(file.parent):
        try:
            _acquire_write(lock, waiting, patience)
        except Timeout as error:
            raise UserError(
                f"another run is at work in {file.parent}: wait for it, or use another --home"
            ) from error
    try:
        yield
    finally:
        lock.close()


def _acquire_write(lock: ReadWriteLock, waiting: Callable[[], object] | None, patience: float) -> None:
    """Raises Timeout."""
    try:
        lock.acquire_write(timeout=0)
    except Timeout:
        if waiting is None or not _only_steps_hold(lock):
            raise
        waiting()
        lock.acquire_write(timeout=patience)


def _only_steps_hold(lock: ReadWriteLock) -> bool:
    """There is room for one more beside steps, and none beside a refresh."""
    try:
        lock.acquire_read(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


@contextmanager
def locked_step(file: Path, waiting: Callable[[], object]) -> Iterator[None]:
    """Holds the home for one step of a run that Dagster launched; waits while a refresh is alone in it.

    Args:
        file: the home's lock file.
        waiting: called once before it waits.
    """
    lock = _lock(file)
    with writing(file.parent):
        try:
            lock.acquire_read(timeout=0)
        except Timeout:
            waiting()
            lock.acquire_read()
    try:
        yield
    finally:
        lock.close()


def _lock(file: Path) -> ReadWriteLock:
    with writing(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        # Not the one that a process shares by path: two holders in one process would be taken for one.
        return ReadWriteLock(file, is_singleton=False)
