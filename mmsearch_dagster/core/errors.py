"""The error classes of the whole program. Each message says what is wrong, where, and what to do about it."""

import errno
import sqlite3

_MOMENTARY_ERRNOS = frozenset(
    (
        *(errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT, errno.ENETUNREACH, errno.EHOSTUNREACH),
        *(errno.ENETDOWN, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOLCK),
    )
)
_SQLITE_CODES = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))


def reason_of(error: Exception) -> str:
    """What an error says, for a message that names the file already."""
    return str((isinstance(error, OSError) and error.strerror) or error)


class MmsearchError(Exception):
    """Root of the family: our fault unless a subclass says otherwise (exit code 1)."""

    exit_code = 1


class UserError(MmsearchError):
    """Something the caller can mend: a file, an option, a policy (exit code 2)."""

    exit_code = 2


class SourceError(UserError):
    """A source mapping or one of its files cannot be read as the data contract asks."""


class PolicyError(UserError):
    """A reviewed policy stops the run: too many broken rows, too few judged queries."""


class ConfigError(UserError):
    """A setting, policy file or preset is wrong."""


class MovedHomeError(ConfigError):
    """A home that was moved or copied and not yet relocated."""


class NoReleaseError(UserError):
    """There is no release to read yet."""


class QueryError(UserError):
    """A search request that cannot be answered: empty, unreadable picture, bad filter."""


class GateRefusedError(MmsearchError):
    """The stored decision for a model version is not a pass, so no pointer moves."""


class ReleaseMismatchError(MmsearchError):
    """Model, encoders and index of a release do not belong together."""


def damaged_release(problem: str) -> ReleaseMismatchError:
    """Files of a release that do not read, in one line: `problem` names part, folder and fault."""
    return ReleaseMismatchError(
        f"{' '.join(problem.split())}; put the files back from a copy, or let another release answer: "
        "`mmsearch releases`, then `mmsearch rollback ID`"
    )


class LineageError(UserError):
    """Snapshots that were not made from the same data: something must be materialised again."""


class OtherEncoderError(ReleaseMismatchError, UserError):
    """The release is whole, but an encoder of it is not installed here, or another one is in its place."""


class IndexCheckError(MmsearchError):
    """A built index version failed its checks and is not served."""


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
    return isinstance(error, OSError) and error.errno in _MOMENTARY_ERRNOS
