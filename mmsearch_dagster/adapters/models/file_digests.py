"""sha256 of large files, kept on disk: a command reads 100 MB of weights once, not each time it runs."""

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from mmsearch_dagster.adapters.lake.snapshots import write_atomically

_FILE = "digests.json"
# A file written so shortly ago may be written again within the same tick of the file system's clock.
_SETTLED_NS = 2_000_000_000
_MOST_KEPT = 64


class _Version(NamedTuple):
    """What is another one when a file was written, replaced or copied. Times in ns."""

    size: int
    modified: int
    changed: int
    inode: int


@dataclass(frozen=True)
class FileDigests:
    """folder: keeps the digests, by the file's path and version; None keeps them in this process alone, as
    does a folder that is not there or cannot be written."""

    folder: Path | None = None

    def sha256(self, path: Path) -> str:
        """Hex sha256 of a file's bytes."""
        version, key = _version(path), str(path.resolve())
        kept = self._read().get(key)
        if isinstance(kept, list) and kept[:-1] == list(version):
            return str(kept[-1])
        digest = _sha256_of(path, version)
        if time.time_ns() - max(version.modified, version.changed) > _SETTLED_NS:
            self._keep(key, [*version, digest])
        return digest

    def _read(self) -> dict[str, Any]:
        if self.folder is None:
            return {}
        try:
            return dict(json.loads((self.folder / _FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def _keep(self, key: str, entry: list[int | str]) -> None:
        if self.folder is None or not self.folder.is_dir():
            return
        others = [item for item in self._read().items() if item[0] != key]
        newest = dict([*others, (key, entry)][-_MOST_KEPT:])
        with suppress(OSError):
            write_atomically(self.folder / _FILE, json.dumps(newest).encode("utf-8"))


def _version(path: Path) -> _Version:
    status = path.stat()
    return _Version(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@lru_cache(maxsize=64)
def _sha256_of(path: Path, version: _Version) -> str:
    """Hashed once per process and version of the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
