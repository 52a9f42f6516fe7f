"""A home that cannot be used is the caller's to mend."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmsearch_dagster.core.errors import ConfigError


@contextmanager
def writing(home: Path) -> Iterator[None]:
    """Turns errors of the disk inside the block into a ConfigError about `home`."""
    try:
        yield
    except OSError as error:
        check_home_folder(home)
        raise _unwritable(home, error.strerror or str(error)) from error


def check_home_folder(home: Path) -> None:
    """Raises ConfigError when a file stands where `home` or a folder above it would."""
    if any(folder.is_file() for folder in (home, *home.parents)):
        raise _unwritable(home, "there is a file in its place")


def _unwritable(home: Path, reason: str) -> ConfigError:
    return ConfigError(f"home {home} cannot be written: {reason}; choose another --home or mend its rights")
