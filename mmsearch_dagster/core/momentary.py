"""Which errors may be gone in a moment: the ones worth a second try."""

import errno
import sqlite3

from mmsearch_dagster.core.errors import MmsearchError

_ERRNOS = frozenset(
    (
        *(errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT, errno.ENETUNREACH, errno.EHOSTUNREACH),
        *(errno.ENETDOWN, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOLCK),
    )
)
_SQLITE_CODES = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))


def may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed a moment later.

    A lost connection, a time that ran out, a file or database that another process holds. An error of our
    family says what a person has to do, so it stays, unless it was raised from such an error; so does
    everything else.

    Args:
        error: with the errors that it was raised from.

    Returns:
        True where a second try is worth its time.

    >>> may_pass(ConnectionResetError()), may_pass(FileNotFoundError()), may_pass(ValueError())
    (True, False, False)
    """
    seen: BaseException | None = error
    while seen is not None:
        if _momentary(seen):
            return True
        # A library raises its own error while it handles the cause; ours names the cause, or has none.
        seen = seen.__cause__ if isinstance(seen, MmsearchError) else seen.__cause__ or seen.__context__
    return False


def _momentary(error: BaseException) -> bool:
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", None) in _SQLITE_CODES
    return isinstance(error, OSError) and error.errno in _ERRNOS
