"""The disk that a home lies on: full, not writable, or a file in its place; each is the caller's to mend."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmsearch_dagster.core.errors import ConfigError, MmsearchError

_FULL = (errno.ENOSPC, errno.EDQUOT)
# With less than this no database can be written: SQLite says `disk I/O error` then, and nothing of space.
_LEAST_FREE_BYTES = 16 * 2**20


@contextmanager
def writing(home: Path) -> Iterator[None]:
    """Turns errors of the disk inside the block into a ConfigError about `home`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(home) from error
        check_home_folder(home)
        raise _unwritable(home, error.strerror or str(error)) from error


def check_home_folder(home: Path) -> None:
    """Raises ConfigError when a file stands where `home` or a folder above it would."""
    if any(folder.is_file() for folder in (home, *home.parents)):
        raise _unwritable(home, "there is a file in its place")


@contextmanager
def enough_space(home: Path) -> Iterator[None]:
    """Turns what a full disk does inside the block, to whatever library, into a ConfigError about `home`."""
    try:
        yield
    except Exception as error:
        ours = isinstance(error, MmsearchError) and type(error) is not MmsearchError
        if not ours and (_says_full(error) or free_bytes(home) < _LEAST_FREE_BYTES):
            raise _full(home) from error
        raise


def free_bytes(folder: Path) -> int:
    """Of the disk that a folder lies on, or would."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


def _says_full(error: BaseException | None) -> bool:
    """Whether it, or what it was raised from, is an error of a full disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def _full(home: Path) -> ConfigError:
    free = f"{free_bytes(home) / 2**20:,.1f} MiB are free"
    return ConfigError(
        f"the disk that home {home} lies on is full ({free}): make room "
        "and give the same command again; what is released goes on answering"
    )


def _unwritable(home: Path, reason: str) -> ConfigError:
    return ConfigError(f"home {home} cannot be written: {reason}; choose another --home or mend its rights")
