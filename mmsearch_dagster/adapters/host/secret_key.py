"""The key behind the pseudonyms: from the environment, or a file that only its owner can read."""

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from mmsearch_dagster.core.errors import ConfigError

KEY_VARIABLE = "MMSEARCH_PSEUDONYM_KEY"
KEY_FILE = "pseudonym.key"
_SHORTEST = 16
_MODE = 0o600


def pseudonym_key(home: Path, environment: Mapping[str, str]) -> bytes:
    """The key from `MMSEARCH_PSEUDONYM_KEY`, else from `home/pseudonym.key`, which is made when absent.

    Raises ConfigError for a key of fewer than 16 bytes, an unreadable file, or one that others may read.
    """
    given = environment.get(KEY_VARIABLE, "")
    if given:
        return _long_enough(given.encode("utf-8"), f"the environment variable {KEY_VARIABLE}")
    path = home / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        mode = stat.S_IMODE(path.stat().st_mode)
        key = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{path}: the pseudonym key cannot be read or made ({error.strerror})") from error
    if mode & 0o077:
        raise ConfigError(
            f"{path}: others may read the pseudonym key (mode {mode:03o}); run chmod 600 {path}"
        )
    return _long_enough(key, str(path))


def _long_enough(key: bytes, where: str) -> bytes:
    if len(key) < _SHORTEST:
        raise ConfigError(f"{where}: a pseudonym key needs at least {_SHORTEST} bytes, this has {len(key)}")
    return key


def _make(path: Path) -> None:
    """Written whole beside its place, then linked: two processes at once both read the first one's key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
