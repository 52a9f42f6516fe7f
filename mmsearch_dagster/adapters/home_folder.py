"""A home that cannot be written is the caller's to mend."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmsearch_dagster.core.errors import ConfigError


@contextmanager
def writing(home: Path) -> Iterator[None]:
    """Whatever the disk refuses in here is told as ConfigError about `home`."""
    try:
        yield
    except OSError as error:
        a_file = any(place.is_file() for place in (home, *home.parents))
        reason = "there is a file in its place" if a_file else error.strerror or error
        raise ConfigError(
            f"home {home} cannot be written: {reason}; choose another --home or mend its rights"
        ) from error
